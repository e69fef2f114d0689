package ivoa

// DockerContainer runs an image of Docker's or OCI's format.
type DockerContainer struct {
	Component
	Lifecycle
	Image      *DockerImage `json:"image,omitempty"`
	Privileged bool         `json:"privileged,omitempty"`
	// Command is the arguments to the entry point; numbers are read as text.
	Command     []string          `json:"command,omitempty"`
	Entrypoint  string            `json:"entrypoint,omitempty"`
	Environment map[string]string `json:"environment,omitempty"`
	Network     *DockerNetwork    `json:"network,omitempty"`
	// Labels came after version 1.0 of the schema. Names beginning with
	// ReservedLabelPrefix are the broker's own.
	Labels map[string]string `json:"labels,omitempty"`
}

// ReservedLabelPrefix begins the label names that a client may not set.
const ReservedLabelPrefix = "calycopis-broker-"

// DockerImage says where an image is found and what it must be.
type DockerImage struct {
	// Locations are alternatives: "ghcr.io/example/counts:1.4".
	Locations []string `json:"locations,omitempty"`
	// Digest is "sha256:" and the image's digest in hexadecimal.
	Digest   string          `json:"digest,omitempty"`
	Platform *DockerPlatform `json:"platform,omitempty"`
}

// DockerPlatform is what an image was built for; absent values mean linux on amd64.
type DockerPlatform struct {
	Architecture string `json:"architecture,omitempty"`
	OS           string `json:"os,omitempty"`
}

// DockerNetwork lists the ports that a container publishes.
type DockerNetwork struct {
	Ports []DockerPort `json:"ports,omitempty"`
}

// DockerPort is one published port, seen from inside and from outside.
type DockerPort struct {
	// Access asks for the port to be listed among the session's connectors.
	Access   *bool               `json:"access,omitempty"`
	Internal *DockerInternalPort `json:"internal,omitempty"`
	External *DockerExternalPort `json:"external,omitempty"`
	// Protocol is UDP, TCP, HTTP or HTTPS; absent means TCP.
	Protocol string `json:"protocol,omitempty"`
	Path     string `json:"path,omitempty"`
}

// DockerInternalPort is a port of the container; the client sets it.
type DockerInternalPort struct {
	Port *int32 `json:"port,omitempty"`
}

// DockerExternalPort is where the port can be reached; the service sets it.
type DockerExternalPort struct {
	Port      *int32   `json:"port,omitempty"`
	Addresses []string `json:"addresses,omitempty"`
}
