// Package conformance lets tests check documents and HTTP answers against the
// schema of IVOA ExecutionBroker 1.0, with the tool that lies beside this
// repository (../shared/tools/conform). The schema's licence keeps it out of the
// repository, so a test that wants the tool is skipped where it isn't there.
package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Tool is the built checker with its schema.
type Tool struct {
	program string
	spec    string
}

// Document is one body to check, against a schema or an operation's answer.
type Document struct {
	// Name tells the document in a failure.
	Name string
	// Schema is a component of the schema: "OfferSetResponse". Otherwise:
	Schema string
	// Op is an operation, "GET /sessions/x", and Status its answer's; 0 means 200.
	Op     string
	Status int
	// Location is the answer's header of that name.
	Location string
	// Request says that the body is the operation's request, not its answer.
	Request bool
	// Strict refuses properties that no schema names.
	Strict bool
	// OpenKinds accepts kinds that no schema names: our own.
	OpenKinds bool
	// MediaType is that of the body: JSON's, if empty, or YAML's. XML can't be checked.
	MediaType string
	Body      []byte
}

// Check checks documents and fails the test for each that doesn't conform. What
// it did is logged in one line, which .ci/run looks for.
func (tool *Tool) Check(t testing.TB, documents ...Document) {
	t.Helper()
	for flags, group := range byFlags(documents) {
		tool.run(t, strings.Split(flags, "\x00"), group)
	}
	t.Logf("conform: checked %d documents", len(documents))
}

// byFlags groups documents that one run of the tool can check.
func byFlags(documents []Document) map[string][]Document {
	groups := map[string][]Document{}
	for _, d := range documents {
		key := strings.Join(d.flags(), "\x00")
		groups[key] = append(groups[key], d)
	}
	return groups
}

func (d Document) flags() []string {
	flags := []string{"-strict=" + strconv.FormatBool(d.Strict), "-open-kinds=" + strconv.FormatBool(d.OpenKinds)}
	if d.Schema != "" {
		return append(flags, "-schema", d.Schema)
	}
	flags = append(flags, "-op", d.Op)
	if d.Request {
		return append(flags, "-request")
	}
	if d.Location != "" {
		flags = append(flags, "-location", d.Location)
	}
	status := d.Status
	if status == 0 {
		status = 200
	}
	return append(flags, "-status", strconv.Itoa(status))
}

// run writes the documents to files and has the tool look at them. It exits
// with 1 where a document is at fault, and says which.
func (tool *Tool) run(t testing.TB, flags []string, documents []Document) {
	t.Helper()
	dir := t.TempDir()
	args := append([]string{"-spec", tool.spec}, flags...)
	for i, d := range documents {
		file := filepath.Join(dir, fmt.Sprintf("%d%s", i, d.extension(t)))
		if err := os.WriteFile(file, d.Body, 0o600); err != nil {
			t.Fatalf("write a document for conform: %v", err)
		}
		args = append(args, file)
	}
	out, err := exec.Command(tool.program, args...).CombinedOutput()
	if err == nil {
		return
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("conform could not check: %v\n%s", err, out)
	}
	for i, d := range documents {
		file := filepath.Join(dir, fmt.Sprintf("%d%s", i, d.extension(t)))
		if verdict := verdictOn(out, file); verdict != "" {
			t.Errorf("%s does not conform (%s):\n%s%s", d.Name, strings.Join(flags, " "), verdict, head(d.Body))
		}
	}
}

// head is as much of a body as helps to find the fault in it.
func head(body []byte) []byte { return body[:min(len(body), 4096)] }

// verdictOn returns what the tool's output says against one file, or "".
func verdictOn(out []byte, file string) string {
	_, after, found := bytes.Cut(out, []byte(file+": "))
	if !found || bytes.HasPrefix(after, []byte("valid\n")) {
		return ""
	}
	heading, problems, _ := strings.Cut(string(after), "\n")
	verdict := heading + "\n"
	for line := range strings.Lines(problems) {
		if !strings.HasPrefix(line, "  ") {
			break
		}
		verdict += line
	}
	return verdict
}

// extension is how the tool is told the form of a file.
func (d Document) extension(t testing.TB) string {
	t.Helper()
	switch media, _, _ := strings.Cut(d.MediaType, ";"); {
	case media == "" || media == "application/json":
		return ".json"
	case strings.HasSuffix(media, "yaml"):
		return ".yaml"
	}
	t.Fatalf("conform can't check %s", d.MediaType)
	return ""
}
