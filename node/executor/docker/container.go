package docker

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"starling/node/executor/work"
)

// plan is the container that runs an executable.
func (j *job) plan(e *Executable, image *picture) client.ContainerCreateOptions {
	config := &container.Config{
		Image:       image.ID, // not the tag: it may have moved since it was checked
		User:        j.owner,
		Env:         j.environment(e, image),
		Cmd:         work.Strings(e.Command),
		Labels:      j.labelsOf(e, image.location),
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
	}
	if e.Entrypoint != "" {
		config.Entrypoint = []string{string(e.Entrypoint)}
	}
	return client.ContainerCreateOptions{Name: j.name, Config: config, HostConfig: j.confinement(image)}
}

// confinement is what the container may have and do.
func (j *job) confinement(image *picture) *container.HostConfig {
	booked := j.Despatch.Resources
	memory := max(booked.Memory, 1) << 30
	processes := j.Processes
	return &container.HostConfig{
		NetworkMode:  container.NetworkMode(j.network.id),
		CapDrop:      []string{"ALL"},
		SecurityOpt:  []string{"no-new-privileges"},
		IpcMode:      "private",
		CgroupnsMode: "private",
		Mounts:       append(j.volumes(), j.scratch(image)...),
		StorageOpt:   j.engine.quota.option(j.Storage()),
		// Its own files are where the output is served from; the engine's are
		// whole, however much it is, until those are. The watch bounds both.
		LogConfig: container.LogConfig{Type: "local", Config: map[string]string{"max-size": "1000000g", "max-file": "1", "compress": "false"}},
		Resources: container.Resources{
			NanoCPUs:   min(max(booked.Cores, 1), int64(j.engine.info.NCPU)) * 1e9,
			Memory:     memory,
			MemorySwap: memory, // the sum of both: none is left to swap to
			PidsLimit:  &processes,
			Ulimits:    []*container.Ulimit{{Name: "core"}},
		},
	}
}

// environment is what is added to the image's own.
func (j *job) environment(e *Executable, image *picture) []string {
	list := work.Environment(j.Despatch, nil, e.Environment)
	if _, own := e.Environment["OMP_NUM_THREADS"]; own || image.Config == nil {
		return list
	}
	if slices.ContainsFunc(image.Config.Env, isThreads) { // the image knows better than our default
		return slices.DeleteFunc(list, isThreads)
	}
	return list
}

func isThreads(variable string) bool { return strings.HasPrefix(variable, "OMP_NUM_THREADS=") }

// volumes are the session's, where they lie.
func (j *job) volumes() []mount.Mount {
	var all []mount.Mount
	for _, m := range j.Mounts {
		all = append(all, mount.Mount{
			Type: mount.TypeBind, Source: filepath.Join(j.Dir.Work(), m.Path), Target: "/" + m.Path, ReadOnly: !m.Writable,
			BindOptions: &mount.BindOptions{Propagation: mount.PropagationRPrivate},
		})
	}
	return all
}

// scratch are the volumes that the image itself declares. The engine would put
// them where nobody measures them; ours lie in the attempt's own directory, with
// what the image has there. The engine fills them as root, so that only root
// can have them filled.
func (j *job) scratch(image *picture) []mount.Mount {
	if image.Config == nil {
		return nil
	}
	var all []mount.Mount
	for target := range image.Config.Volumes {
		if slices.ContainsFunc(j.Mounts, func(m work.Mount) bool { return "/"+m.Path == filepath.Clean(target) }) {
			continue
		}
		all = append(all, mount.Mount{
			Type: mount.TypeVolume, Target: target,
			VolumeOptions: &mount.VolumeOptions{
				NoCopy: j.owner != "",
				Labels: j.labels(),
				DriverConfig: &mount.Driver{Name: "local", Options: map[string]string{
					"type": "none", "o": "bind", "device": filepath.Join(j.Dir.Tmp(), strconv.Itoa(len(all))),
				}},
			},
		})
	}
	return all
}
