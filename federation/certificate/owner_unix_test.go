//go:build unix

package certificate

import (
	"io/fs"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// owned is what the system says of a file.
type owned struct {
	mode fs.FileMode
	uid  uint32
}

func (owned) Name() string        { return "node.key" }
func (owned) Size() int64         { return 0 }
func (o owned) Mode() fs.FileMode { return o.mode }
func (owned) ModTime() time.Time  { return time.Time{} }
func (owned) IsDir() bool         { return false }
func (o owned) Sys() any          { return &syscall.Stat_t{Uid: o.uid} }

// Kubernetes mounts a secret as root's, readable by the group that the pod has. What
// others could read, or the group write, is no secret, and neither is what anybody but
// root lends.
func TestOnlyRootLendsAKeyToAGroup(t *testing.T) {
	assert.True(t, lentBy(owned{0o440, 0}))
	assert.True(t, lentBy(owned{0o640, 0}))
	assert.False(t, lentBy(owned{0o640, 1000}))
	assert.False(t, lentBy(owned{0o644, 0}))
	assert.False(t, lentBy(owned{0o660, 0}))
	assert.False(t, lentBy(owned{0o450, 0}))
}
