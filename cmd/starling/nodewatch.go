package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/words"
)

// watchNodes shows the nodes and what changes until ctx ends, which is no failure.
func (a *app) watchNodes(ctx context.Context, c *client.Client, view nodeView) error {
	var err error
	switch {
	case a.forPrograms():
		err = a.writeChanges(c.FollowNodes(ctx))
	case a.outWidth > 0:
		err = a.drawNodes(ctx, c, view)
	default:
		err = a.tellChanges(c.FollowNodes(ctx), view)
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// writeChanges writes each change as a document on a line of its own.
func (a *app) writeChanges(changes iter.Seq2[client.NodeChange, error]) error {
	for change, err := range changes {
		if err != nil {
			return err
		}
		line, err := json.Marshal(change)
		if err == nil {
			_, err = fmt.Fprintf(a.out, "%s\n", line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// flock is the nodes as they were told last.
type flock struct {
	nodes map[string]client.Node
	heard map[string]time.Time
	lost  string // why nothing is heard
}

// take takes a change in.
func (f *flock) take(change client.NodeChange, now time.Time) {
	list := change.Nodes
	switch {
	case change.Lost != "":
		f.lost = change.Lost
		return
	case change.Node != nil:
		list = []client.Node{*change.Node}
	case change.Gone != "":
		delete(f.nodes, change.Gone)
	default:
		f.nodes, f.heard = map[string]client.Node{}, map[string]time.Time{}
	}
	f.lost = ""
	for _, n := range list {
		f.nodes[n.Name], f.heard[n.Name] = n, now
	}
}

// list is the nodes by name, each as old as it is by now.
func (f *flock) list(now time.Time) (list []client.Node) {
	for _, name := range slices.Sorted(maps.Keys(f.nodes)) {
		n := f.nodes[name]
		if n.Member != nil && !n.Member.Self {
			n.AgeSeconds += now.Sub(f.heard[name]).Seconds()
		}
		list = append(list, n)
	}
	return list
}

// tellChanges writes the table and then a line for each change.
func (a *app) tellChanges(changes iter.Seq2[client.NodeChange, error], view nodeView) error {
	var known flock
	line := func(name, text string) {
		say(a.out, "%s  %s: %s", a.now().Format(time.TimeOnly), name, text)
	}
	for change, err := range changes {
		if err != nil {
			return err
		}
		if change.Lost != "" {
			say(a.err, "%s; trying again", change.Lost)
		}
		first, before := known.nodes == nil, maps.Clone(known.nodes)
		known.take(change, a.now())
		if first {
			if err := a.writeTable(view.table(known.list(a.now())), ""); err != nil {
				return err
			}
			continue
		}
		for _, n := range known.list(a.now()) {
			was, there := before[n.Name]
			if text := view.changes(was, n); !there {
				line(n.Name, "new, "+stateText(n))
			} else if text != "" {
				line(n.Name, text)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(before)) {
			if _, there := known.nodes[name]; !there {
				line(name, "not listed any more")
			}
		}
	}
	return nil
}

// What moves a terminal's cursor to its beginning, clears the rest of a line, and all
// that is below.
const (
	home      = "\x1b[H"
	clearLine = "\x1b[K"
	clearRest = "\x1b[J"
)

// drawNodes keeps the table on the screen, drawn anew twice a second, since ages
// change, too.
func (a *app) drawNodes(ctx context.Context, c *client.Client, view nodeView) error {
	var following sync.WaitGroup
	defer following.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next, stop := make(chan client.NodeChange), make(chan error, 1)
	following.Go(func() {
		for change, err := range c.FollowNodes(ctx) {
			if err != nil {
				stop <- err
				return
			}
			select {
			case next <- change:
			case <-ctx.Done():
				stop <- ctx.Err()
				return
			}
		}
	})
	tick := time.NewTicker(time.Second / 2)
	defer tick.Stop()
	var known flock
	fmt.Fprint(a.out, home, clearRest)
	for {
		select {
		case change := <-next:
			first := known.nodes == nil
			if known.take(change, a.now()); !first {
				continue
			}
		case <-tick.C:
		case err := <-stop:
			return err
		}
		if err := a.draw(known, view); err != nil {
			return err
		}
	}
}

// draw draws the nodes over what is on the screen; those that have no place there are
// counted.
func (a *app) draw(known flock, view nodeView) error {
	if known.nodes == nil {
		return nil
	}
	var text strings.Builder
	if err := view.table(known.list(a.now())).Write(&text, a.outWidth); err != nil {
		return err
	}
	lines := strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
	foot := fmt.Sprintf("%s  %s", a.now().Format(time.TimeOnly), words.Many(len(known.nodes), "node"))
	if known.lost != "" {
		foot = words.Clean(known.lost) + "; trying again"
	}
	if room := a.outHeight - 2; room > 0 && len(lines) > room {
		foot += fmt.Sprintf("; %s more than the screen has room for", words.Many(len(lines)-room, "line"))
		lines = lines[:room]
	}
	var screen strings.Builder
	screen.WriteString(home)
	for _, line := range append(lines, words.Cut(foot, a.outWidth-1)) {
		screen.WriteString(line + clearLine + "\n")
	}
	_, err := fmt.Fprint(a.out, screen.String(), clearRest)
	return err
}
