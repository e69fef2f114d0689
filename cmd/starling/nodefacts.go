package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"starling/cmd/starling/internal/client"
	"starling/cmd/starling/internal/words"
	"starling/federation/digest"
	"starling/node"
	"starling/scheduling/transfer"
)

// tellNode writes beneath its row what else is known of a node.
func (a *app) tellNode(n client.Node) {
	row := func(name string, texts ...string) {
		for _, text := range texts {
			labelled(a.out, a.outWidth, len("elements  "), name, text)
			name = ""
		}
	}
	fmt.Fprintln(a.out)
	row("url", n.URL)
	if n.Member != nil {
		row("version", n.Member.Version)
	}
	row("largest", "one session gets at most "+capacityText(n.Largest)+boundText(n))
	row("free", levelsText(n.Profile, n.AgeSeconds)...)
	row("kinds", abilitiesText(n.Availability)...)
	row("data by", strings.Join(n.Schemes, ", "))
	row("elements", namesOf(n.Elements, func(e digest.Element) string { return e.Name + speedText(e.Bandwidth, 0) })...)
	row("links", namesOf(n.Links, linkText)...)
	row("costs", namesOf(n.Rates, rateText)...)
	if n.ComputePerformance > 0 {
		row("speed", words.Amount(n.ComputePerformance)+" GFLOP/s of a core")
	}
}

func namesOf[T any](list []T, text func(T) string) (texts []string) {
	for _, one := range list {
		texts = append(texts, text(one))
	}
	return texts
}

func boundText(n client.Node) string {
	if n.MaxDurationSeconds <= 0 {
		return ""
	}
	return ", for at most " + words.Duration(seconds(n.MaxDurationSeconds))
}

// levelsText says what one session could get, from when on.
func levelsText(levels []node.Level, age float64) (texts []string) {
	for i, l := range levels {
		if i+1 < len(levels) && levels[i+1].AfterSeconds <= age {
			continue // it is over
		}
		when := "now"
		if after := l.AfterSeconds - age; after > 0 {
			when = "in " + words.Duration(seconds(after))
		}
		texts = append(texts, fmt.Sprintf("%s: %s", when, capacityText(l.Free)))
	}
	return texts
}

func abilitiesText(a *node.Availability) (texts []string) {
	really := slices.DeleteFunc(slices.Clone(a.Kinds), func(kind string) bool { return slices.Contains(a.Simulated, kind) })
	if len(really) > 0 {
		texts = append(texts, kindsText(really, false))
	}
	if len(a.Simulated) > 0 {
		texts = append(texts, kindsText(a.Simulated, true))
	}
	return texts
}

func linkText(l digest.Link) string {
	from := l.Source
	if from == transfer.Anywhere {
		from = "elsewhere"
	}
	return "from " + from + speedText(l.Bandwidth, l.Samples)
}

func speedText(bandwidth float64, samples int) string {
	if bandwidth <= 0 {
		return ""
	}
	text := " at " + words.Size(int64(min(bandwidth, 1e18))) + "/s"
	if samples > 0 {
		text += ", learned from " + words.Many(samples, "transfer")
	}
	return text
}

// rateText says what an hour costs: "cost: 0.03 EUR an hour of a core".
func rateText(r digest.Rate) string {
	var parts []string
	for _, p := range []struct {
		value float64
		of    string
	}{{r.Hour, "a session"}, {r.CoreHour, "a core"}, {r.MemoryHour, "a GiB of memory"}, {r.StorageHour, "a GiB of storage"}, {r.GPUHour, "a GPU"}} {
		if p.value > 0 {
			parts = append(parts, strings.TrimSpace(words.Amount(p.value)+" "+r.Unit)+" an hour of "+p.of)
		}
	}
	name := cmp.Or(r.Type[strings.LastIndexByte(r.Type, ':')+1:], r.Type)
	return name + ": " + cmp.Or(strings.Join(parts, ", "), "nothing")
}
