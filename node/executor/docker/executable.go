package docker

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"starling/api/ivoa/imagename"
	"starling/node/executor/work"
)

// maxPorts bounds the ports of an executable.
const maxPorts = 32

// Executable is what of an IVOA docker-container the executor reads. What it
// says beside that is the broker's.
type Executable struct {
	Kind        string               `json:"kind"`
	Image       Image                `json:"image"`
	Privileged  bool                 `json:"privileged"`
	Entrypoint  work.Text            `json:"entrypoint"`
	Command     []work.Text          `json:"command"`
	Environment map[string]work.Text `json:"environment"`
	Labels      map[string]work.Text `json:"labels"`
	Network     struct {
		Ports []Port `json:"ports"`
	} `json:"network"`
}

// Image says where an image is found and what it must be.
type Image struct {
	Locations []string `json:"locations"`
	Digest    string   `json:"digest"` // "sha256:" and 64 hexadecimal digits, or ""
	Platform  Platform `json:"platform"`
}

// Platform is what an image must have been built for; what is absent means
// linux on amd64.
type Platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

// Port is a port of the container that users want to reach.
type Port struct {
	Access   *bool `json:"access"` // nil: yes
	Internal struct {
		Port int `json:"port"`
	} `json:"internal"`
	Protocol string `json:"protocol"` // UDP, TCP, HTTP or HTTPS; "" is TCP
	Path     string `json:"path"`
}

// parse reads an executable and checks it. Its errors are for users.
func parse(value jsontext.Value) (*Executable, error) {
	e := &Executable{}
	if err := json.Unmarshal(value, e); err != nil {
		return nil, fmt.Errorf("read the executable: %w", err)
	}
	if e.Kind != Kind {
		return nil, fmt.Errorf("executables of kind %q are not run here, only %s", e.Kind, Kind)
	}
	if e.Privileged {
		return nil, errors.New("no container runs privileged here")
	}
	var check work.Check
	check.String("entrypoint", string(e.Entrypoint))
	check.Command(e.Command)
	check.Environment(e.Environment)
	for name, value := range e.Labels {
		if strings.HasPrefix(name, reservedPrefix) {
			check.Fail(fmt.Errorf("urn:reserved-label: label %q: names that begin with %s are the broker's own", name, reservedPrefix))
		}
		check.String("label "+name, name+string(value))
	}
	e.Image.check(&check)
	if len(e.Network.Ports) > maxPorts {
		check.Fail(fmt.Errorf("the executable has %d ports; at most %d are opened", len(e.Network.Ports), maxPorts))
	}
	for n := range e.Network.Ports {
		check.Fail(e.Network.Ports[n].check())
	}
	return e, check.Err()
}

func (i *Image) check(check *work.Check) {
	if len(i.Locations) == 0 || len(i.Locations) > imagename.MaxLocations {
		check.Fail(fmt.Errorf("the executable names %d locations of its image; it takes 1 to %d", len(i.Locations), imagename.MaxLocations))
	}
	for _, location := range i.Locations {
		if _, err := imagename.Parse(location); err != nil {
			check.Fail(err)
		}
	}
	if i.Digest != "" && !regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(i.Digest) {
		check.Fail(fmt.Errorf(`the image's digest %.100q is not "sha256:" and 64 hexadecimal digits`, i.Digest))
	}
}

// check makes the protocol one of those that there are.
func (p *Port) check() error {
	p.Protocol = strings.ToUpper(p.Protocol)
	if p.Protocol == "" {
		p.Protocol = "TCP"
	}
	switch p.Protocol {
	case "HTTP", "HTTPS", "TCP", "UDP":
	default:
		return fmt.Errorf("%q is no protocol of a port: UDP, TCP, HTTP and HTTPS are", p.Protocol)
	}
	if p.Internal.Port < 1 || p.Internal.Port > 65535 {
		return fmt.Errorf("%d is no number of a port", p.Internal.Port)
	}
	return nil
}
