package policy

import (
	"net/url"
	"strings"
	"time"

	"starling/api/ivoa"
	"starling/api/ivoa/imagename"
	"starling/federation/identity"
	"starling/scheduling"
)

// A Request is what somebody asks, as far as rules can tell.
type Request struct {
	Caller     identity.Caller
	Executable Executable
	Data       []Data
	Min, Max   scheduling.Resources // that will do, and that would help
	Duration   time.Duration
	Repeats    bool
	Sessions   int // that the caller has already, accepted and not at their end
}

// Executable is what is to run.
type Executable struct {
	// Kind is short for the kinds that this broker knows (docker-container, process),
	// and as the request has it for others.
	Kind    string
	Images  []imagename.Name // alternatives; none where it has no image
	Command []string         // with the entry point, where it has one
	// Opaque says why it can't be told which image would run; "": it can.
	Opaque string
}

// Data is something that a session reads. Its fields' names are for expressions.
type Data struct {
	Kind     string  `cel:"kind"`     // short, as an executable's
	Location string  `cel:"location"` // a URL, or what comes closest
	Scheme   string  `cel:"scheme"`   // of the location, in lower case
	Host     string  `cel:"host"`     // of the location, in lower case, without a port
	Bytes    float64 `cel:"bytes"`    // 0: not known
}

// Describe reads what is to run, and on what data, from a request.
func Describe(req *ivoa.ExecutionRequest) (Executable, []Data) {
	var data []Data
	for _, d := range req.Data {
		data = append(data, describeData(d)...)
	}
	return describe(req.Executable), data
}

func describe(executable ivoa.Executable) (e Executable) {
	if executable == nil {
		return e
	}
	e.Kind = ivoa.ShortKind(executable.Base().Kind)
	switch x := executable.(type) {
	case *ivoa.DockerContainer:
		e.Command = x.Command
		if x.Entrypoint != "" {
			e.Command = append([]string{x.Entrypoint}, x.Command...)
		}
		if x.Image != nil {
			e.images(x.Image.Locations, x.Image.Digest)
		} else {
			e.Opaque = "it names no image"
		}
	case *ivoa.SingularityContainer:
		e.images([]string{x.Location}, "")
	case *ivoa.Process:
		e.Command = x.Command
	case *ivoa.UnknownExecutable:
		e.Kind, e.Opaque = x.Kind, "what it runs can't be told from an executable of a kind that is not known here"
	}
	return e
}

// images reads the locations of an image. A digest that stands beside them counts
// where they have none: the executor runs no other image.
func (e *Executable) images(locations []string, digest string) {
	if len(locations) == 0 || len(locations) > imagename.MaxLocations {
		e.Opaque = "an image has from 1 to 32 locations"
		return
	}
	if digest != "" && !isDigest(digest) {
		e.Opaque = `the image's digest is not "sha256:" and 64 hexadecimal digits`
		return
	}
	for _, location := range locations {
		name, err := imagename.Of(location)
		if err != nil {
			e.Images, e.Opaque = nil, err.Error()
			return
		}
		if name.Digest == "" {
			name.Digest = digest
		}
		e.Images = append(e.Images, name)
	}
}

// isDigest reports whether a text is the digest of an image.
func isDigest(text string) bool {
	digits, found := strings.CutPrefix(text, "sha256:")
	return found && len(digits) == 64 && strings.Trim(digits, "0123456789abcdef") == ""
}

// describeData is an entry for each place that a resource may be fetched from.
func describeData(d ivoa.DataResource) []Data {
	kind, bytes := ivoa.ShortKind(d.Base().Kind), int64(0)
	var places []string
	switch x := d.(type) {
	case *ivoa.SimpleDataResource:
		places = []string{x.Location}
		content, _ := ivoa.ParseContent(x.Location)
		bytes = content.Bytes
	case *ivoa.S3DataResource:
		places = []string{strings.TrimRight(x.Endpoint, "/") + "/" + x.Bucket + "/" + x.Object}
	case *ivoa.RucioDataResource:
		if x.Rucio != nil {
			places = []string{strings.TrimRight(x.Rucio.Endpoint, "/") + "/" + x.Rucio.Scope + "/" + x.Rucio.Object}
		}
	case *ivoa.IvoaDataResource:
		places = ivoaPlaces(x.Ivoa)
		if x.Ivoa != nil && x.Ivoa.DataLink != nil && x.Ivoa.DataLink.ContentLength != nil {
			bytes = int64(*x.Ivoa.DataLink.ContentLength)
		}
	case *ivoa.SkaoDataResource:
		places = ivoaPlaces(x.Ivoa)
		if x.Skao != nil {
			for _, replica := range x.Skao.Replicas {
				places = append(places, replica.DataURL)
			}
			if x.Skao.DataSize != nil {
				bytes = *x.Skao.DataSize
			}
		}
	case *ivoa.UnknownDataResource:
		kind = x.Kind
	}
	if len(places) == 0 {
		places = []string{""}
	}
	list := make([]Data, len(places))
	for i, place := range places {
		list[i] = Data{Kind: kind, Location: place}
		if u, err := url.Parse(place); err == nil {
			list[i].Scheme, list[i].Host = strings.ToLower(u.Scheme), strings.TrimRight(strings.ToLower(u.Hostname()), ".")
		}
	}
	list[0].Bytes = float64(max(0, bytes)) // once, so that a sum is right
	return list
}

func ivoaPlaces(x *ivoa.Ivoa) (places []string) {
	if x != nil && x.DataLink != nil && x.DataLink.AccessURL != "" {
		places = append(places, x.DataLink.AccessURL)
	}
	if x != nil && x.ObsCore != nil && x.ObsCore.AccessURL != "" {
		places = append(places, x.ObsCore.AccessURL)
	}
	return places
}
