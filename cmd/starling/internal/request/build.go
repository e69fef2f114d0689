package request

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"starling/api/ivoa"
	"starling/cmd/starling/internal/client"
)

// Wish is a request as it is typed on a command line. Empty values leave the
// choice to the broker.
type Wish struct {
	Name    string
	Image   string   // a container's; empty: a process of the node
	Command []string // the program and its arguments
	Env     []string // NAME=VALUE
	Cores   string   // N, or MIN:MAX
	Memory  string   // GiB, likewise
	Storage string   // GiB, likewise
	For     string   // a duration, as 10m or PT10M
	Start   string   // an ISO 8601 interval, or an instant
	Data    []string // URL[#sha256=…][:/path]
	Outputs []string // paths that can be written and are kept
	MaxCost float64  // 0: whatever it costs
}

// Build makes a request of a wish, in YAML. Errors name the flag at fault.
func (w Wish) Build() (client.Request, error) {
	b := &builder{names: map[string]bool{}}
	b.run(w)
	b.compute(w)
	for _, data := range w.Data {
		b.data(data)
	}
	if w.Storage != "" && len(w.Outputs) == 0 {
		b.wrong("--storage", errors.New("is the size of an --output, and there is none"))
	}
	for i, out := range w.Outputs {
		b.output(i, out, w.Storage)
	}
	b.schedule(w)
	if w.MaxCost > 0 {
		most := w.MaxCost
		cost := &ivoa.FloatCost{Quantity: ivoa.Quantity{Kind: ivoa.KindFloatCost, Type: ivoa.CostMonetary}, Max: &most}
		b.request.Costs = append(b.request.Costs, cost)
	}
	if b.err != nil {
		return client.Request{}, b.err
	}
	body, err := ivoa.Encode(ivoa.YAML, &b.request)
	if err != nil {
		return client.Request{}, fmt.Errorf("write the request: %w", err)
	}
	return client.Request{Media: ivoa.YAML, Body: body}, nil
}

// builder makes one request and remembers the first thing that was wrong.
type builder struct {
	request ivoa.ExecutionRequest
	names   map[string]bool
	err     error
}

func (b *builder) wrong(flag string, err error) {
	if b.err == nil && err != nil {
		b.err = fmt.Errorf("%s: %w", flag, err)
	}
}

func (b *builder) run(w Wish) {
	env, err := environment(w.Env)
	b.wrong("--env", err)
	named := ivoa.Component{}
	if w.Name != "" {
		named.NeedMeta().Name = w.Name
	}
	if w.Image != "" {
		b.request.Executable = &ivoa.DockerContainer{
			Component: withKind(named, ivoa.KindDockerContainer),
			Image:     &ivoa.DockerImage{Locations: []string{w.Image}}, Command: w.Command, Environment: env,
		}
		return
	}
	if len(w.Command) == 0 {
		b.wrong("run what?", errors.New("give a request with -f FILE, or a command after --"))
	}
	b.request.Executable = &ivoa.Process{
		Component: withKind(named, ivoa.KindProcess), Command: w.Command, Environment: env,
	}
}

func withKind(c ivoa.Component, kind string) ivoa.Component {
	c.Kind = kind
	return c
}

func environment(list []string) (map[string]string, error) {
	if len(list) == 0 {
		return nil, nil
	}
	env := make(map[string]string, len(list))
	for _, entry := range list {
		name, value, found := strings.Cut(entry, "=")
		if !found || name == "" {
			return nil, fmt.Errorf("%q is not NAME=VALUE", entry)
		}
		env[name] = value
	}
	return env, nil
}

func (b *builder) compute(w Wish) {
	cores, err := parseRange(w.Cores)
	b.wrong("--cores", err)
	memory, err := parseRange(w.Memory)
	b.wrong("--memory", err)
	b.request.Compute = &ivoa.SimpleComputeResource{
		Component: ivoa.Component{Kind: ivoa.KindSimpleCompute}, Cores: cores, Memory: memory,
	}
}

// mount adds a volume to the compute resource.
func (b *builder) mount(resource, at string, mode ivoa.VolumeMode) {
	mounts := b.request.Compute.Mounted()
	mounts.Volumes = append(mounts.Volumes, &ivoa.SimpleVolumeMount{
		Component: ivoa.Component{Kind: ivoa.KindSimpleVolume}, Path: at, Mode: mode, Resource: resource,
	})
}

// defaultInput is where data are mounted unless a path is given.
const defaultInput = "/input"

func (b *builder) data(text string) {
	location, at := splitMount(text)
	if location == "" {
		b.wrong("--data", fmt.Errorf("%q is not URL[#sha256=…][:/path]", text))
		return
	}
	file, _, _ := strings.Cut(location, "#")
	name := b.unique(path.Base(file))
	b.request.Data = append(b.request.Data, &ivoa.SimpleDataResource{
		Component: ivoa.Component{Kind: ivoa.KindSimpleData, Meta: &ivoa.Metadata{Name: name}}, Location: location,
	})
	b.mount(name, at, ivoa.ReadOnly)
}

// splitMount takes the path to mount at off a URL: the last ":/" that isn't the
// "://" of the URL begins it.
func splitMount(text string) (location, at string) {
	i := strings.LastIndex(text, ":/")
	if i < 0 || strings.HasPrefix(text[i:], "://") {
		return text, defaultInput
	}
	return text[:i], text[i+1:]
}

func (b *builder) output(n int, at, size string) {
	if !strings.HasPrefix(at, "/") {
		b.wrong("--output", fmt.Errorf("%q is not an absolute path, as /output is", at))
		return
	}
	storage := &ivoa.SimpleStorageResource{Component: ivoa.Component{Kind: ivoa.KindSimpleStorage}}
	if n == 0 {
		var err error
		storage.Size, err = parseRange(size)
		b.wrong("--storage", err)
	}
	name := b.unique(strings.Trim(strings.ReplaceAll(at, "/", "-"), "-"))
	storage.NeedMeta().Name = name
	b.request.Storage = append(b.request.Storage, storage)
	b.mount(name, at, ivoa.ReadWrite)
}

// unique makes a name for a component that no other has.
func (b *builder) unique(name string) string {
	if name == "" || name == "." || name == "/" {
		name = "data"
	}
	unique := name
	for n := 2; b.names[unique]; n++ {
		unique = fmt.Sprintf("%s-%d", name, n)
	}
	b.names[unique] = true
	return unique
}

func (b *builder) schedule(w Wish) {
	if w.For == "" && w.Start == "" {
		return
	}
	requested := &ivoa.RequestedSchedule{}
	if w.For != "" {
		d, err := ParseDuration(w.For)
		b.wrong("--for", err)
		requested.Duration = ivoa.FormatDuration(d)
	}
	if w.Start != "" {
		start, err := interval(w.Start)
		b.wrong("--start", err)
		requested.Start = start
	}
	b.request.Schedule = &ivoa.RequestSchedule{Requested: requested}
}

// interval checks an interval; an instant stands for the minute that it begins.
func interval(text string) (string, error) {
	if !strings.Contains(text, "/") {
		text += "/PT1M"
	}
	_, err := ivoa.ParseInterval(text)
	return text, err
}

// ParseDuration reads a duration as Go writes it (10m, 1h30m) or as ISO 8601
// does (PT10M). It must be more than nothing.
func ParseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		if d, err = ivoa.ParseDuration(strings.ToUpper(text)); err != nil {
			return 0, fmt.Errorf("%q is not a duration; write it as 10m, 1h30m or PT10M", text)
		}
	}
	if d <= 0 {
		return 0, fmt.Errorf("%q is no time at all", text)
	}
	return d, nil
}

// parseRange reads N, MIN:MAX, MIN: or :MAX; "" is no range.
func parseRange(text string) (*ivoa.Range, error) {
	if text == "" {
		return nil, nil
	}
	least, most, bounded := strings.Cut(text, ":")
	r := &ivoa.Range{}
	for _, end := range []struct {
		text string
		to   **int64
	}{{least, &r.Min}, {most, &r.Max}} {
		if end.text == "" {
			continue
		}
		n, err := strconv.ParseInt(end.text, 10, 64)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%q is neither a whole number nor MIN:MAX", text)
		}
		if n == 0 {
			return nil, fmt.Errorf("%q: 0 is none at all; want 1 or more, or leave the flag out", text)
		}
		*end.to = &n
	}
	if r.Min != nil && r.Max != nil && *r.Min > *r.Max {
		return nil, fmt.Errorf("%q: the least is more than the most", text)
	}
	if !bounded && r.Min == nil || bounded && r.Min == nil && r.Max == nil {
		return nil, fmt.Errorf("%q is neither a whole number nor MIN:MAX", text)
	}
	return r, nil
}
