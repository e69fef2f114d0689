package docker

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"starling/node/executor/work"
)

// tidy removes the containers and volumes of attempts that are settled or lost.
// An attempt's directory has a state from before its container is made until
// after it was removed.
func (b *Backend) tidy(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	containers, err := b.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: b.own()})
	if err != nil {
		b.Logger.Error("containers that are left over can't be found", "error", err)
		return
	}
	for _, c := range containers.Items {
		if b.needed(c.Labels[labelDir]) || !named(c.Names) {
			continue
		}
		if _, err := b.engine.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true}); err != nil && !notFound(err) {
			b.Logger.Error("a container that is left over can't be removed", "container", c.ID, "error", err)
			continue
		}
		b.Logger.Info("a container that was left over has been removed", "container", c.ID, "session", c.Labels[labelSession])
	}
	b.tidyVolumes(ctx)
}

// named reports whether a container has a name as ours do: what somebody runs by
// hand of an image with labels like ours is not ours.
func named(names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(strings.TrimPrefix(n, "/"), namePrefix) })
}

// needed reports whether an attempt's directory says that it is not settled.
func (b *Backend) needed(dir string) bool {
	if dir == "" || strings.ContainsAny(dir, `/\`) {
		return false
	}
	return work.Dir(filepath.Join(b.Root, dir)).Open()
}

// youngVolume is how old a volume without a container must be to be left over:
// the engine makes a container's volumes before the container.
const youngVolume = time.Hour

// tidyVolumes removes volumes whose container is gone.
func (b *Backend) tidyVolumes(ctx context.Context) {
	volumes, err := b.engine.VolumeList(ctx, client.VolumeListOptions{Filters: b.own().Add("dangling", "true")})
	if err != nil {
		b.Logger.Error("volumes that are left over can't be found", "error", err)
		return
	}
	for _, v := range volumes.Items {
		if time.Since(instant(v.CreatedAt)) < youngVolume {
			continue
		}
		if _, err := b.engine.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{}); err != nil && !notFound(err) {
			b.Logger.Error("a volume that is left over can't be removed", "volume", v.Name, "error", err)
		}
	}
}
