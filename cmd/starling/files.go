package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/table"
	"starling/cmd/starling/internal/words"
)

func newFiles(a *app) *cobra.Command {
	var get []string
	var all bool
	var dir string
	cmd := &cobra.Command{
		Use:   "files UUID",
		Short: "List the files that a session has written, or fetch them",
		Example: `  starling files UUID
  starling files UUID --get counts.txt
  starling files UUID --all -d results`,
		Args:              one("a session"),
		ValidArgsFunction: a.completeSessions(),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			list, err := c.Files(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if len(get) == 0 && !all {
				if a.forPrograms() {
					return a.writeDocument(list)
				}
				return a.writeTable(fileTable(list.Files, a.now()), "no files")
			}
			wanted, err := wantedFiles(list.Files, get, all)
			if err != nil {
				return err
			}
			return a.fetch(cmd.Context(), c, args[0], wanted, dir)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&get, "get", nil, "fetch this file")
	f.BoolVar(&all, "all", false, "fetch all files")
	f.StringVarP(&dir, "directory", "d", ".", "where to put them")
	cmd.MarkFlagsMutuallyExclusive("get", "all")
	_ = cmd.MarkFlagDirname("directory")
	return cmd
}

func fileTable(files []client.File, now time.Time) *table.Table {
	t := table.New(
		table.Column{Name: "name", Flexible: true},
		table.Column{Name: "size", Right: true},
		table.Column{Name: "modified", Right: true, Optional: true},
		table.Column{Name: "sha256", Optional: true},
	)
	for _, f := range files {
		sum := words.Cut(f.SHA256, 13)
		if f.Open {
			sum = "being written"
		}
		t.Add(f.Name, words.Size(f.Bytes), words.Instant(f.Modified, now), sum)
	}
	return t
}

// wantedFiles picks files by their names.
func wantedFiles(files []client.File, names []string, all bool) ([]client.File, error) {
	if all {
		return files, nil
	}
	byName := map[string]client.File{}
	for _, f := range files {
		byName[f.Name] = f
	}
	var wanted []client.File
	for _, name := range names {
		f, ok := byName[name]
		if !ok {
			return nil, fmt.Errorf("the session has no file %q; without --get its files are listed", name)
		}
		wanted = append(wanted, f)
	}
	return wanted, nil
}

// fetch saves files below a directory and says which.
func (a *app) fetch(ctx context.Context, c *client.Client, id string, files []client.File, dir string) error {
	for _, f := range files {
		path, err := c.Save(ctx, id, f, dir)
		if err != nil {
			return err
		}
		checked := "checked"
		if f.SHA256 == "" {
			checked = "no checksum to check"
		}
		say(a.err, "%s  %s, %s", words.Clean(path), words.Size(f.Bytes), checked)
	}
	return nil
}
