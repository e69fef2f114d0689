package flock

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Any node answers for any session, whoever of them made the offer.
func TestASessionIsAcceptedWatchedAndRunFromAnyNode(t *testing.T) {
	for _, size := range []int{3, 5, 15} {
		t.Run(fmt.Sprint(size, " nodes"), func(t *testing.T) {
			begun := time.Now()
			f := newFlock(t, size, nil)
			t.Logf("%d nodes started within %s", size, time.Since(begun))
			asked, accepting, reading := f.nodes[0], f.nodes[1], f.nodes[size-1]
			offer := asked.ask(alice, work{}).Offers[0]
			accepting.accept(alice, offer.id())
			f.await(reading, alice, offer.id(), "COMPLETED")
			for _, n := range f.nodes {
				assert.Equal(t, "COMPLETED", n.session(alice, offer.id()).Phase, "at %s", n.name)
			}
		})
	}
}

// Promise 2: what a node has promised survives its kill, and any node says so.
func TestPromise2WhatWasAcceptedSurvivesAKill(t *testing.T) {
	f := newFlock(t, 3, nil)
	b, c := f.nodes[1], f.nodes[2]
	offer := b.ask(alice, work{}).from("b")[0]
	c.accept(alice, offer.id())
	b.kill()
	assert.NotEqual(t, 200, c.do(alice, "GET", "/sessions/"+offer.id(), nil).status)
	b.up()
	f.await(c, alice, offer.id(), "COMPLETED")
}
