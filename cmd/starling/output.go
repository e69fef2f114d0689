package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	yaml "sigs.k8s.io/yaml"

	"starling/api/ivoa"
	"starling/cmd/starling/internal/table"
	"starling/cmd/starling/internal/words"
)

// The forms in which programs get answers.
const (
	asJSON = "json"
	asYAML = "yaml"
	// Of commands that have them as annotations:
	asCSV   = "csv"
	asLines = "jsonl"
)

func (a *app) checkFormat(cmd *cobra.Command) error {
	forms := []string{"table", asJSON, asYAML}
	for _, form := range []string{asCSV, asLines} {
		if _, has := cmd.Annotations[form]; has {
			forms = append(forms, form)
		}
	}
	if a.output != "" && !slices.Contains(forms, a.output) {
		last := len(forms) - 1
		return usage("--format: %q is none of %s and %s", a.output, strings.Join(forms[:last], ", "), forms[last])
	}
	if a.output == "table" {
		a.output = ""
	}
	return nil
}

// mediaType is that of an export in the form that was asked for.
func mediaType(form string) string {
	if form == asCSV {
		return "text/csv"
	}
	return "application/x-ndjson"
}

// forPrograms reports whether the answer itself is wanted, rather than a table.
func (a *app) forPrograms() bool { return a.output != "" }

// writeIVOA writes a document of ExecutionBroker in the form that was asked for.
func (a *app) writeIVOA(document any) error {
	media := ivoa.JSON
	if a.output == asYAML {
		media = ivoa.YAML
	}
	body, err := ivoa.Encode(media, document)
	if err != nil {
		return err
	}
	if media == ivoa.YAML {
		_, err := a.out.Write(body)
		return err
	}
	return a.writeIndented(body)
}

// writeDocument writes any other document.
func (a *app) writeDocument(document any) error {
	body, err := json.Marshal(document)
	if err != nil {
		return err
	}
	if a.output == asYAML {
		if body, err = yaml.JSONToYAML(body); err != nil {
			return err
		}
		_, err = a.out.Write(body)
		return err
	}
	return a.writeIndented(body)
}

func (a *app) writeIndented(body []byte) error {
	var b bytes.Buffer
	if err := json.Indent(&b, body, "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := b.WriteTo(a.out)
	return err
}

// writeTable writes a table for people, or says that there is nothing.
func (a *app) writeTable(t *table.Table, nothing string) error {
	if t.Len() == 0 {
		_, err := fmt.Fprintln(a.err, nothing)
		return err
	}
	return t.Write(a.out, a.outWidth)
}

// nothing says that a list is empty: as it is said where all of it was asked for,
// or that nothing is as the flags want it.
func nothing(cmd *cobra.Command, all string) string {
	picked := false
	cmd.Flags().Visit(func(f *pflag.Flag) {
		picked = picked || cmd.InheritedFlags().Lookup(f.Name) == nil && f.Name != "limit" && f.Name != "all-pages"
	})
	if picked {
		return "nothing like that"
	}
	return all
}

// more says that a list goes on.
func (a *app) more(next string) {
	if next != "" {
		fmt.Fprintln(a.err, "there is more: --all-pages shows all of it")
	}
}

// say writes lines for people. Whatever is in them, it moves no cursor and
// changes no colours.
func say(w io.Writer, format string, args ...any) {
	for line := range strings.SplitSeq(fmt.Sprintf(format, args...), "\n") {
		fmt.Fprintln(w, strings.TrimRight(words.Clean(line), " "))
	}
}

// labelled writes a value with its name, wrapped beneath itself; empty ones are
// left out.
func labelled(w io.Writer, screen, indent int, name, text string) {
	if text == "" {
		return
	}
	for _, line := range words.Wrap(words.Clean(text), max(0, screen-indent)) {
		say(w, "%-*s%s", indent, name, line)
		name = ""
	}
}
