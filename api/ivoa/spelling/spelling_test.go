package spelling

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNearestIsWhatWasProbablyMeant(t *testing.T) {
	known := []string{"executable", "compute", "schedule", "cores", "hold-time"}
	for name, want := range map[string]string{
		"schedul": "schedule", "shedule": "schedule", "Cores": "cores", "core": "cores", "holdTime": "hold-time", "exceutable": "executable",
		"resources": "", "x": "", "": "", strings.Repeat("schedule", 1000): "",
	} {
		assert.Equal(t, want, Nearest(name, known), name)
	}
	assert.Equal(t, "; did you mean cores?", Guess("coers", known))
	assert.Empty(t, Guess("nothing", known))
}

func TestNearerNamesComeFirst(t *testing.T) {
	names := []string{"process", "singularity-container", "docker-container", "abc"}
	Sort(names, "docker-contaner")
	assert.Equal(t, "docker-container", names[0])
	Sort(names, strings.Repeat("x", 1000))
	assert.Len(t, names, 4)
}
