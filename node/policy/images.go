package policy

import (
	"fmt"
	"slices"
	"strings"

	"starling/api/ivoa/imagename"
)

// The names under which what isn't written as a rule stands in decisions.
const (
	RuleServes = "serves"
	RuleImages = "images"
	RuleSize   = "size"
)

// judge says why an image is not run here, nil where it is.
func (i Images) judge(name imagename.Name) *Message {
	deny := func(template string) *Message {
		return &Message{template, []string{
			"image", clean(name.Location), "registry", clean(name.Registry), "digest", name.Digest,
			"registries", strings.Join(i.Registries, ", "),
		}}
	}
	switch {
	case slices.ContainsFunc(i.Deny, func(entry string) bool { return entry == name.Digest || within(name, entry) }):
		return deny("the image {image} is one of those that are never run here")
	case len(i.Registries) > 0 && !slices.ContainsFunc(i.Registries, func(entry string) bool { return within(name, entry) }):
		return deny("the image {image} is from {registry}, and images are run from {registries}")
	case name.Digest == "" && (i.RequireDigest || len(i.Digests) > 0):
		return deny("the image {image} has no digest, and only images with one are run: write it as NAME@sha256:…, or set image.digest")
	case len(i.Digests) > 0 && !slices.Contains(i.Digests, name.Digest):
		return deny("the image {image} is {digest}, which is none of those that are run here")
	}
	return nil
}

// restricts reports whether it matters which image is run.
func (i Images) restricts() bool {
	return i.RequireDigest || len(i.Registries)+len(i.Digests)+len(i.Deny) > 0
}

// within reports whether an image is of a registry or, where the entry has a path,
// from below that in it.
func within(name imagename.Name, entry string) bool {
	rest, found := strings.CutPrefix(name.Registry+"/"+name.Repository, entry)
	return found && (rest == "" || rest[0] == '/')
}

// check reads the lists as the names of images are read, so that they can meet.
func (i *Images) check() error {
	for _, list := range []struct {
		key     string
		entries []string
	}{{"images.registries", i.Registries}, {"images.deny", i.Deny}} {
		for n, entry := range list.entries {
			key := fmt.Sprintf("%s[%d]", list.key, n)
			if isDigest(entry) && list.key == "images.deny" {
				continue
			}
			if err := checkRegistry(key, entry); err != nil {
				return err
			}
		}
	}
	for n, entry := range i.Digests {
		if !isDigest(entry) {
			return wrong(fmt.Sprintf("images.digests[%d]", n), `%q is not "sha256:" and 64 hexadecimal digits`, entry)
		}
	}
	return nil
}

// checkRegistry wants a registry with or without a path, as names of images have
// it: what is below it must come out of a name as it was put in.
func checkRegistry(key, entry string) error {
	const below = "/x/x" // not one part: docker.io/x is docker.io/library/x
	name, err := imagename.Of(entry + below)
	if err != nil {
		return wrong(key, "%q is no registry, as ghcr.io or ghcr.io/ska-telescope is", entry)
	}
	if whole := name.Registry + "/" + name.Repository; whole != entry+below {
		return wrong(key, "%q is no registry as images have it; that would be %q", entry, strings.TrimSuffix(whole, below))
	}
	return nil
}
