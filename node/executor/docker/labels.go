package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/moby/moby/client"

	"starling/node/executor/work"
)

// Labels of everything that we make. They begin as no user's label may.
const (
	reservedPrefix = "calycopis-broker-"
	labelRoot      = reservedPrefix + "root" // the directory of the executor
	labelDir       = reservedPrefix + "directory"
	labelRef       = reservedPrefix + "history-ref"
	labelSession   = reservedPrefix + "session"
	labelImage     = reservedPrefix + "image"
)

// namePrefix begins the names of containers and networks.
const namePrefix = "starling-"

// own finds what this executor has made.
func (b *Backend) own() client.Filters {
	return client.Filters{}.Add("label", labelRoot+"="+b.Root)
}

// labels are those of whatever belongs to the executor.
func (b *Backend) labels() map[string]string { return map[string]string{labelRoot: b.Root} }

// nameOf names an attempt's container: the same in every life of the executor,
// and another for every attempt of every executor at an engine.
func (b *Backend) nameOf(a *work.Attempt) string {
	return namePrefix + filepath.Base(string(a.Dir)) + "-" + short(fmt.Sprint(b.Root, "\x00", a.Despatch.HistoryRef, "\x00", a.Despatch.Fence))
}

// short is a name for anything, of 12 characters.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

// labelsOf are those of an attempt's container: the user's, and ours.
func (j *job) labelsOf(e *Executable, image string) map[string]string {
	all := j.labels()
	for name, value := range e.Labels {
		if !strings.HasPrefix(name, reservedPrefix) { // parse has refused it
			all[name] = string(value)
		}
	}
	all[labelDir] = filepath.Base(string(j.Dir))
	all[labelRef] = j.Despatch.HistoryRef
	all[labelSession] = j.Despatch.Session.UUID
	all[labelImage] = image
	return all
}
