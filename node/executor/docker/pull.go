package docker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/client"
	specs "github.com/opencontainers/image-spec/specs-go/v1"
)

// pullTimeout bounds the pull of one image.
const pullTimeout = 6 * time.Hour

// pull has the engine pull an image.
func (j *job) pull(ctx context.Context, id string, name reference.Named, platform Platform) error {
	registry := reference.Domain(name)
	if len(j.Registries) > 0 && !slices.Contains(j.Registries, registry) {
		return fmt.Errorf("this site doesn't pull from %s; it does from %s", registry, strings.Join(j.Registries, ", "))
	}
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	p := platform.complete()
	j.Report.Log(id, "pulling "+reference.FamiliarString(name))
	answer, err := j.engine.ImagePull(ctx, name.String(), client.ImagePullOptions{
		Platforms: []specs.Platform{{OS: p.OS, Architecture: p.Architecture}},
	})
	if err != nil {
		return pullError(err)
	}
	defer answer.Close()
	var layers layers
	for message, err := range answer.JSONMessages(ctx) {
		if err != nil {
			return pullError(err)
		}
		if message.Error != nil {
			return pullError(message.Error)
		}
		if have, total, tell := layers.note(message); tell {
			j.Report.Progress(id, float64(have)/float64(total), fmt.Sprintf("%d of %d bytes of the image", have, total))
		}
	}
	return nil
}

// layers sums up what has been downloaded of an image.
type layers struct {
	have, total map[string]int64
	told        time.Time
}

// note takes a message of the engine's, and reports how far it is, once a second.
func (l *layers) note(m jsonstream.Message) (have, total int64, tell bool) {
	if m.Progress == nil || m.Progress.Total <= 0 || m.Status != "Downloading" {
		return 0, 0, false
	}
	if l.have == nil {
		l.have, l.total = map[string]int64{}, map[string]int64{}
	}
	l.have[m.ID], l.total[m.ID] = m.Progress.Current, m.Progress.Total
	if time.Since(l.told) < time.Second {
		return 0, 0, false
	}
	l.told = time.Now()
	for id := range l.have {
		have, total = have+l.have[id], total+l.total[id]
	}
	return min(have, total), total, true
}

// pullError judges why an image was not pulled: that it isn't there, or may not
// be had, will be so the next time; a registry that doesn't answer may come back.
func pullError(err error) error {
	var message *jsonstream.Error
	if errors.As(err, &message) && message.Code >= 400 && message.Code < 500 && message.Code != http.StatusTooManyRequests {
		return err
	}
	text := err.Error()
	for _, hopeless := range []string{"manifest unknown", "not found", "denied", "no matching manifest", "unauthorized", "not implemented", "unsupported"} {
		if strings.Contains(text, hopeless) {
			return err
		}
	}
	if errdefs.IsNotFound(err) || errdefs.IsInvalidArgument(err) || errdefs.IsPermissionDenied(err) || errdefs.IsUnauthorized(err) {
		return err
	}
	return engineError{err}
}
