package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/image"
	"github.com/opencontainers/go-digest"

	"starling/api/despatch"
	"starling/api/ivoa/imagename"
	"starling/node/executor"
	"starling/node/executor/work"
)

// picture is an image that the engine has.
type picture struct {
	image.InspectResponse
	location string // by which it was found
}

// errDigest means that an image is there and is another.
var errDigest = errors.New("urn:image-digest-mismatch")

// find makes sure of an image: each location in order, as the engine has it or
// else pulled. Where none will do, the failure says why of each of them. Another
// attempt may fare better only where something besides the images was to blame.
func (j *job) find(ctx context.Context, id string, want Image) (*picture, *despatch.Completion) {
	var reasons []string
	mismatch, retry := false, false
	for _, location := range want.Locations {
		found, err := j.findAt(ctx, id, location, want)
		if err == nil {
			return found, nil
		}
		if ctx.Err() != nil {
			return nil, nil
		}
		mismatch = mismatch || errors.Is(err, errDigest)
		retry = retry || retryable(err)
		reasons = append(reasons, fmt.Sprintf("%s: %v", location, err))
	}
	message := "the image can't be had: " + strings.Join(reasons, "; ")
	if mismatch {
		message = errDigest.Error() + ": no location has the image " + want.Digest + ": " + strings.Join(reasons, "; ")
	}
	return nil, work.Failure(executor.CodeStaging, retry && !mismatch, errors.New(message))
}

// findAt makes sure of the image at one location.
func (j *job) findAt(ctx context.Context, id, location string, want Image) (*picture, error) {
	name, err := imagename.Parse(location)
	if err != nil {
		return nil, err
	}
	names := want.names(name)
	found, hereErr := first(names, func(name reference.Named) (image.InspectResponse, error) {
		return j.inspect(ctx, name, want)
	})
	switch {
	case hereErr == nil:
		return &picture{found, location}, nil
	case retryable(hereErr):
		return nil, hereErr
	case j.NoPull:
		return nil, fmt.Errorf("%w, and this site pulls none", hereErr)
	}
	found, err = first(names, func(name reference.Named) (image.InspectResponse, error) {
		if err := j.pull(ctx, id, name, want.Platform); err != nil {
			return image.InspectResponse{}, err
		}
		return j.inspect(ctx, name, want)
	})
	switch {
	case err == nil:
		return &picture{found, location}, nil
	case errors.Is(hereErr, errAbsent):
		return nil, err
	}
	return nil, fmt.Errorf("%w; %w", hereErr, err) // what is here is another, and there is no better
}

// names are those by which a location's image may be found. A digest is asked for
// first, so that what a tag means by now doesn't matter; it may also be the
// image's own, which no registry knows, and then it is the tag's image that must
// bear it.
func (i Image) names(name reference.Named) []reference.Named {
	if _, exact := name.(reference.Digested); i.Digest == "" || exact {
		return []reference.Named{name}
	}
	byDigest, err := reference.WithDigest(reference.TrimNamed(name), digest.Digest(i.Digest))
	if err != nil {
		return []reference.Named{name}
	}
	return []reference.Named{byDigest, name}
}

// first tries names in order, and returns what the first has that will do, or
// else the error of the last.
func first(names []reference.Named, try func(reference.Named) (image.InspectResponse, error)) (found image.InspectResponse, err error) {
	for _, name := range names {
		if found, err = try(name); err == nil {
			break
		}
	}
	return found, err
}

// errAbsent means that the engine doesn't have an image.
var errAbsent = errors.New("the engine doesn't have it")

// inspect asks the engine for an image that it has, and sees whether it will do.
func (j *job) inspect(ctx context.Context, name reference.Named, want Image) (image.InspectResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	got, err := j.engine.ImageInspect(ctx, name.String())
	switch {
	case notFound(err):
		return image.InspectResponse{}, errAbsent
	case err != nil:
		return image.InspectResponse{}, engineError{err}
	}
	return got.InspectResponse, want.accepts(got.InspectResponse)
}

// accepts reports why an image is not the one that is wanted. A digest may be
// the one that a registry gives an image (docker images --digests), or the
// image's own (docker images --no-trunc).
func (i Image) accepts(found image.InspectResponse) error {
	if i.Digest != "" && found.ID != i.Digest && !slices.ContainsFunc(found.RepoDigests, func(d string) bool { return strings.HasSuffix(d, "@"+i.Digest) }) {
		return fmt.Errorf("%w: the image there is %s", errDigest, strings.Join(append(found.RepoDigests, found.ID), ", "))
	}
	is := Platform{OS: found.Os, Architecture: found.Architecture}.complete()
	if want := i.Platform.complete(); is != want {
		return fmt.Errorf("the image there is for %s on %s, not %s on %s", is.OS, is.Architecture, want.OS, want.Architecture)
	}
	return nil
}

// complete is the platform with its defaults, in the engine's words.
func (p Platform) complete() Platform {
	if p.OS == "" {
		p.OS = "linux"
	}
	switch p.Architecture {
	case "", "x86_64":
		p.Architecture = "amd64"
	case "aarch64":
		p.Architecture = "arm64"
	}
	return p
}

// engineError is an error of the engine rather than of what it was asked for.
type engineError struct{ error }

func (e engineError) Unwrap() error { return e.error }

func retryable(err error) bool {
	var engine engineError
	return errors.As(err, &engine)
}
