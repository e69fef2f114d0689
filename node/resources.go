package node

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"starling/api/ivoa"
	"starling/scheduling"
)

// The sizes of what a request leaves open.
const (
	defaultCores  = 1
	defaultMemory = 1 // GiB
	defaultSize   = 1 // GiB, of a storage resource or of data of unknown size
	gib           = 1 << 30
)

// maxAmount bounds every amount of a resource, far from any overflow.
const maxAmount = 1 << 40

// dataSize is the size of a data resource in GiB, rounded up.
func dataSize(d ivoa.DataResource) int64 {
	bytes := dataBytes(d)
	if bytes <= 0 {
		return defaultSize
	}
	return (bytes-1)/gib + 1
}

// dataBytes is the size of a data resource as far as the request says; 0: not.
func dataBytes(d ivoa.DataResource) int64 {
	switch d := d.(type) {
	case *ivoa.SimpleDataResource:
		content, _ := ivoa.ParseContent(d.Location)
		return content.Bytes
	case *ivoa.SkaoDataResource:
		if d.Skao != nil && d.Skao.DataSize != nil {
			return *d.Skao.DataSize
		}
	case *ivoa.IvoaDataResource:
		if d.Ivoa != nil && d.Ivoa.DataLink != nil && d.Ivoa.DataLink.ContentLength != nil {
			return int64(*d.Ivoa.DataLink.ContentLength)
		}
	}
	return 0
}

func (r *reader) compute() {
	r.demand.Min = scheduling.Resources{Cores: defaultCores, Memory: defaultMemory}
	r.demand.Max = r.demand.Min
	switch c := r.request.Compute.(type) {
	case *ivoa.SimpleComputeResource:
		r.demand.Min.Cores, r.demand.Max.Cores = r.size("/compute/cores", c.Cores, defaultCores)
		r.demand.Min.Memory, r.demand.Max.Memory = r.size("/compute/memory", c.Memory, defaultMemory)
	default:
		r.unknown("compute resource", c.Base().Kind)
	}
}

// size reads the least and the most of a resource that a request asks for.
func (r *reader) size(path string, rng *ivoa.Range, fallback int64) (least, most int64) {
	if rng == nil || rng.Min == nil && rng.Max == nil {
		return fallback, fallback
	}
	for _, end := range []struct {
		name  string
		value *int64
	}{{"min", rng.Min}, {"max", rng.Max}} {
		if end.value == nil {
			continue
		}
		if *end.value < 0 || end.name == "max" && *end.value == 0 {
			r.object(ivoa.MessageInvalidValue, "{path} is {value}: it must be more than nothing", "path", path+"/"+end.name, "value", strconv.FormatInt(*end.value, 10))
			return fallback, fallback
		}
		if *end.value > maxAmount {
			r.object(ivoa.MessageResourceLimit, "{path} is {value}: no site has as much", "path", path+"/"+end.name, "value", strconv.FormatInt(*end.value, 10))
			return fallback, fallback
		}
	}
	switch {
	case rng.Min == nil:
		return min(fallback, *rng.Max), *rng.Max
	case rng.Max == nil:
		return max(*rng.Min, 1), max(*rng.Min, 1)
	case *rng.Min > *rng.Max:
		r.object(ivoa.MessageInvalidValue, "{path}: min {min} is more than max {max}", "path", path,
			"min", strconv.FormatInt(*rng.Min, 10), "max", strconv.FormatInt(*rng.Max, 10))
		return fallback, fallback
	}
	return max(*rng.Min, 1), *rng.Max
}

func (r *reader) storage() {
	for i, s := range r.request.Storage {
		path := fmt.Sprintf("/storage/%d", i)
		simple, ok := s.(*ivoa.SimpleStorageResource)
		if !ok {
			r.unknown("storage resource", s.Base().Kind)
			continue
		}
		least, most := r.size(path+"/size", simple.Size, defaultSize)
		w := wanted{place: slices.Index(r.components, base(simple)), path: path, name: simple.Name(), least: least, most: most}
		r.reuse(&w, simple.Size)
		r.demand.Min.Storage += w.least
		r.demand.Max.Storage += w.most
		r.storages = append(r.storages, w)
		refs := make([]string, len(simple.Data))
		for j, ref := range simple.Data {
			refs[j] = r.place(fmt.Sprintf("%s/data/%d", path, j), ref, "data")
		}
		simple.Data = refs
	}
}

func (r *reader) data() {
	for i, d := range r.request.Data {
		path := fmt.Sprintf("/data/%d", i)
		if unknown, ok := d.(*ivoa.UnknownDataResource); ok {
			r.unknown("data resource", unknown.Kind)
			continue
		}
		d.Place().Storage = r.place(path+"/storage", d.Place().Storage, "storage")
		r.bytes += max(0, min(dataBytes(d), maxAmount*1024))
		if bytes := dataBytes(d); bytes < 0 || bytes > maxAmount*1024 {
			r.object(ivoa.MessageInvalidValue, "{path}: {value} bytes is no size of data", "path", path, "value", strconv.FormatInt(bytes, 10))
		}
		if simple, ok := d.(*ivoa.SimpleDataResource); ok {
			r.location(path+"/location", simple.Location)
		}
	}
	r.claims()
	r.linkBack()
}

// location checks a URL from which data are fetched.
func (r *reader) location(path, location string) {
	if location == "" {
		r.object(ivoa.MessageMissingRequiredValue, "{path} is missing", "path", path)
		return
	}
	u, err := url.Parse(location)
	if err != nil || u.Scheme == "" || u.Host == "" && u.Opaque == "" && u.Path == "" {
		r.object(ivoa.MessageInvalidValue, "{path} is no URL", "path", path)
		return
	}
	r.schemes = addOnce(r.schemes, strings.ToLower(u.Scheme))
	if _, err := ivoa.ParseContent(location); err != nil {
		r.object(ivoa.MessageInvalidValue, "{path}: {reason}", "path", path, "reason", err.Error())
	}
}

func (r *reader) volumes() {
	paths := map[string]bool{}
	for i, v := range r.request.Compute.Mounted().Volumes {
		path := fmt.Sprintf("/compute/volumes/%d", i)
		simple, ok := v.(*ivoa.SimpleVolumeMount)
		if !ok {
			r.unknown("volume", v.Base().Kind)
			continue
		}
		if !goodMountPath(simple.Path) {
			r.object(ivoa.MessageInvalidValue, "{path} is {value}: a volume is mounted at an absolute path without ..", "path", path+"/path", "value", strconv.Quote(simple.Path))
		}
		if paths[simple.Path] {
			r.object(ivoa.MessageDuplicateResource, "{path}: another volume is mounted at {value} already", "path", path+"/path", "value", simple.Path)
		}
		paths[simple.Path] = true
		if simple.Mode == "" {
			simple.Mode = ivoa.ReadOnly
		}
		if simple.Mode != ivoa.ReadOnly && simple.Mode != ivoa.ReadWrite {
			r.object(ivoa.MessageInvalidValue, "{path} is {value}: a volume is READONLY or READWRITE", "path", path+"/mode", "value", strconv.Quote(string(simple.Mode)))
		}
		if simple.Resource == "" {
			r.object(ivoa.MessageMissingRequiredValue, "{path} is missing: name the data or storage resource to mount", "path", path+"/resource")
			continue
		}
		simple.Resource = r.place(path+"/resource", simple.Resource, "data or storage")
	}
}

func goodMountPath(path string) bool {
	return len(path) > 1 && len(path) <= 1024 && path[0] == '/' && !strings.ContainsRune(path, 0) &&
		!slices.Contains(strings.Split(path, "/"), "..")
}
