// Package house holds no code, only the tests that keep the house in order:
// imports point one way, and files stay small enough to hold one idea.
package house

import (
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// root is the repository, as seen from here.
const root = "../.."

// The leaves import nothing of ours; any room may use them.
var leaves = []string{
	"accounting/expression", "api/auth/exchange", "api/despatch", "api/ivoa", "api/ivoa/imagename", "api/ivoa/spelling",
	"federation/address", "federation/identity", "federation/outbound", "federation/tracing",
}

// rooms says what each room may import beside the leaves. A room is its folder
// and all below, unless a deeper folder has a line of its own; the first line
// that fits counts. "*" is everything.
var rooms = []struct {
	folder string
	may    []string
}{
	{"api/ivoa", nil},
	{"api/despatch", nil},
	{"api/auth/exchange", nil},
	{"api/internal", nil},
	{"federation/identity", nil},
	{"federation/address", nil},
	{"federation/outbound", nil},
	{"federation/tracing", nil},
	{"federation/delegation", nil},
	{"node/policy", []string{"scheduling"}},
	{"accounting/expression", nil},
	{"node/credentials", nil},
	{"node/chronicle", []string{"node/store", "accounting"}},
	{"scheduling", []string{"scheduling"}},
	{"accounting", []string{"accounting"}},
	{"consensus", []string{"consensus", "accounting"}},
	{"federation", []string{"federation", "scheduling"}},
	{"node/executor", []string{"node/executor"}},
	{"node", []string{"node/chronicle", "node/config", "node/credentials", "node/policy", "node/store", "node/uploads", "consensus", "accounting", "scheduling", "federation"}},
	{"api", []string{"api", "node", "node/chronicle", "node/policy", "consensus", "accounting", "scheduling", "federation"}},
	{"cmd", []string{"*"}},
	{"deploy", []string{"*"}},
}

func TestImportsPointOneWay(t *testing.T) {
	for folder, p := range packages(t) {
		room := roomOf(folder)
		require.NotNil(t, room, "%s is in no room of the house: see the table in README.md", folder)
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			ours, ok := strings.CutPrefix(imported, "starling/")
			if !ok || ours == folder {
				continue
			}
			assert.True(t, mayImport(room, ours) || testSupport(p, imported), "%s imports %s", folder, ours)
		}
	}
}

// The pure core, with all below it, reads no clock, draws no random numbers and does no I/O.
var pure = []string{"scheduling", "accounting", "federation/digest", "federation/shortlist"}

func TestThePureCoreIsPure(t *testing.T) {
	forbidden := []string{"os", "net", "net/http", "math/rand", "math/rand/v2", "crypto/rand", "io/fs", "log/slog", "log", "context", "sync"}
	for folder, p := range packages(t) {
		if !slices.ContainsFunc(pure, func(room string) bool { return within(folder, room) }) {
			continue
		}
		for _, imported := range p.Imports {
			assert.NotContains(t, forbidden, imported, folder)
		}
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(root, folder, name))
			require.NoError(t, err)
			assert.NotContains(t, string(text), "time.Now(", "%s/%s", folder, name)
			assert.NotContains(t, string(text), "time.Since(", "%s/%s", folder, name)
		}
	}
}

// There is no init and, in what is shipped, no file that holds everything.
func TestFilesHoldOneIdea(t *testing.T) {
	const most = 500 // lines
	for folder, p := range packages(t) {
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(root, folder, name))
			require.NoError(t, err)
			assert.LessOrEqual(t, strings.Count(string(text), "\n"), most, "%s/%s", folder, name)
			assert.NotContains(t, string(text), "\nfunc init()", "%s/%s", folder, name)
		}
	}
}

// packages reads every package of the repository, by folder.
func packages(t *testing.T) map[string]*build.Package {
	t.Helper()
	found := map[string]*build.Package{}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if name := entry.Name(); path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin") {
			return fs.SkipDir
		}
		p, err := build.ImportDir(path, 0)
		if _, none := err.(*build.NoGoError); none {
			return nil
		}
		folder, _ := filepath.Rel(root, path)
		found[filepath.ToSlash(folder)] = p
		return err
	}))
	require.NotEmpty(t, found)
	return found
}

type room = struct {
	folder string
	may    []string
}

func roomOf(folder string) *room {
	for i := range rooms {
		if within(folder, rooms[i].folder) {
			return &rooms[i]
		}
	}
	return nil
}

func mayImport(r *room, ours string) bool {
	if slices.Contains(leaves, ours) || slices.Contains(r.may, "*") {
		return true
	}
	return slices.ContainsFunc(r.may, func(folder string) bool { return within(ours, folder) }) && !deeper(r, ours)
}

// deeper reports whether a package belongs to a room below one that may be
// imported: package node's executors are nobody's business but cmd's.
func deeper(r *room, ours string) bool {
	return within(ours, "node/executor") && r.folder != "node/executor"
}

// testSupport reports whether only tests import a package.
func testSupport(p *build.Package, imported string) bool {
	return !slices.Contains(p.Imports, imported)
}

func within(folder, above string) bool {
	return folder == above || strings.HasPrefix(folder, above+"/")
}
