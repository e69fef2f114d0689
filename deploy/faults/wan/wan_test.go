//go:build docker

package wan

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a network namespace with one process in it that does nothing, as a container
// is seen from outside.
type house struct {
	t testing.TB
	End
	file *os.File
}

// street makes houses that reach each other over a bridge in a namespace of its own.
// Making namespaces takes root: without it the test fails, and says so.
func street(t testing.TB, count int) []*house {
	t.Helper()
	require.Zero(t, os.Geteuid(), "namespaces are made by root alone")
	middle := dwell(t)
	inside(t, middle, "ip", "link", "add", "street", "type", "bridge")
	inside(t, middle, "ip", "link", "set", "street", "up")
	var houses []*house
	for i := range count {
		pid := dwell(t)
		file, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
		require.NoError(t, err)
		t.Cleanup(func() { file.Close() })
		h := &house{t: t, file: file, End: End{Name: string(rune('a' + i)), PID: pid, Address: netip.AddrFrom4([4]byte{10, 77, 0, byte(i + 1)})}}
		inside(t, middle, "ip", "link", "add", "to-"+h.Name, "type", "veth", "peer", "name", "eth0", "netns", strconv.Itoa(pid))
		inside(t, middle, "ip", "link", "set", "to-"+h.Name, "master", "street", "up")
		inside(t, pid, "ip", "address", "add", h.Address.String()+"/24", "dev", "eth0")
		inside(t, pid, "ip", "link", "set", "eth0", "up")
		inside(t, pid, "ip", "link", "set", "lo", "up")
		houses = append(houses, h)
	}
	return houses
}

// dwell starts a process in a network of its own.
func dwell(t testing.TB) (pid int) {
	t.Helper()
	command := exec.Command("sleep", "600")
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	require.NoError(t, command.Start())
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	return command.Process.Pid
}

func inside(t testing.TB, pid int, program ...string) {
	t.Helper()
	said, err := exec.Command("nsenter", append([]string{"-t", strconv.Itoa(pid), "-n", "--"}, program...)...).CombinedOutput()
	require.NoError(t, err, "%v: %s", program, said)
}

// visit does something in a house's network: sockets that are made there stay there.
func (h *house) visit(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := unix.Setns(int(h.file.Fd()), unix.CLONE_NEWNET); err != nil {
			h.t.Error(err)
			return
		}
		do()
	}()
	<-done
}

// echoes answers every line of every connection, and every packet, until the test ends.
func (h *house) echoes() {
	h.t.Helper()
	var listener net.Listener
	var packets net.PacketConn
	h.visit(func() {
		var err error
		listener, err = net.Listen("tcp4", h.Address.String()+":7")
		require.NoError(h.t, err)
		packets, err = net.ListenPacket("udp4", h.Address.String()+":7")
		require.NoError(h.t, err)
	})
	var open sync.Map
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			open.Store(c, true)
			running.Go(func() { _, _ = io.Copy(c, c) })
		}
	})
	running.Go(func() {
		buffer := make([]byte, 100)
		for {
			n, from, err := packets.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = packets.WriteTo(buffer[:n], from)
		}
	})
	h.t.Cleanup(func() {
		listener.Close()
		packets.Close()
		open.Range(func(c, _ any) bool { return c.(net.Conn).Close() == nil })
		running.Wait()
	})
}

func (h *house) dial(network string, to *house) (c net.Conn, err error) {
	h.visit(func() { c, err = net.DialTimeout(network, to.Address.String()+":7", 500*time.Millisecond) })
	if err == nil {
		h.t.Cleanup(func() { c.Close() })
	}
	return c, err
}

func (h *house) dials(network string, to *house) net.Conn {
	h.t.Helper()
	c, err := h.dial(network, to)
	require.NoError(h.t, err)
	return c
}

// ask says a word and waits so long for its echo.
func ask(c net.Conn, patience time.Duration) (time.Duration, error) {
	begun := time.Now()
	if _, err := c.Write([]byte("word")); err != nil {
		return 0, err
	}
	_ = c.SetReadDeadline(begun.Add(patience))
	_, err := io.ReadFull(c, make([]byte, 4))
	return time.Since(begun), err
}

const (
	soon = 5 * time.Second        // what is to be answered is, on a machine with much else to do
	late = 300 * time.Millisecond // what is not to be answered isn't: the longer, the surer
)

func network(t testing.TB) *Network {
	n := New(rand.New(rand.NewPCG(1, 2)))
	t.Cleanup(func() { assert.NoError(t, n.Clear(context.Background())) })
	return n
}

func TestAPartitionCutsOpenConnectionsAndMends(t *testing.T) {
	s, n, ctx := street(t, 3), network(t), t.Context()
	a, b, c := s[0], s[1], s[2]
	b.echoes()
	c.echoes()
	open, other := a.dials("tcp4", b), a.dials("tcp4", c)
	_, err := ask(open, soon)
	require.NoError(t, err)

	require.NoError(t, n.Impose(ctx, Between(a.End, b.End, Any, Drop())...))
	_, err = ask(open, late)
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded, "an open connection hangs")
	_, err = a.dial("tcp4", b)
	assert.Error(t, err, "a new one isn't made")
	_, err = ask(other, soon)
	assert.NoError(t, err, "who isn't meant hears nothing of it")

	require.NoError(t, n.Clear(ctx))
	_, err = ask(a.dials("tcp4", b), soon)
	assert.NoError(t, err)
	_ = open.SetReadDeadline(time.Now().Add(soon))
	_, err = io.ReadFull(open, make([]byte, 4))
	assert.NoError(t, err, "what was said arrives in the end")
}

func TestOneWayIsOneWay(t *testing.T) {
	s, n := street(t, 2), network(t)
	a, b := s[0], s[1]
	b.echoes()
	heard := make(chan []byte, 1)
	var ear net.PacketConn
	a.visit(func() {
		var err error
		ear, err = net.ListenPacket("udp4", a.Address.String()+":9")
		require.NoError(t, err)
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buffer := make([]byte, 100)
		for {
			k, _, err := ear.ReadFrom(buffer)
			if err != nil {
				return
			}
			heard <- append([]byte(nil), buffer[:k]...)
		}
	}()
	t.Cleanup(func() { ear.Close(); <-ended })
	require.NoError(t, n.Impose(t.Context(), Rule{From: a.End, To: b.End, Effect: Drop()}))
	_, err := ask(a.dials("udp4", b), late)
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded, "what a says, b doesn't hear")
	b.visit(func() {
		c, err := net.Dial("udp4", a.Address.String()+":9")
		require.NoError(t, err)
		defer c.Close()
		_, err = c.Write([]byte("hello"))
		require.NoError(t, err)
	})
	select {
	case said := <-heard:
		assert.Equal(t, "hello", string(said), "what b says, a hears")
	case <-time.After(soon):
		t.Error("a doesn't hear b")
	}
}

func TestARuleIsForItsProtocol(t *testing.T) {
	s, n := street(t, 2), network(t)
	a, b := s[0], s[1]
	b.echoes()
	require.NoError(t, n.Impose(t.Context(), Between(a.End, b.End, UDP, Drop())...))
	_, err := ask(a.dials("udp4", b), late)
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
	_, err = ask(a.dials("tcp4", b), soon)
	assert.NoError(t, err)
}

func TestWhatIsRefusedIsSaidSo(t *testing.T) {
	s, n := street(t, 2), network(t)
	a, b := s[0], s[1]
	b.echoes()
	open := a.dials("tcp4", b)
	require.NoError(t, n.Impose(t.Context(), Between(a.End, b.End, TCP, Refuse())...))
	_, err := a.dial("tcp4", b)
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
	_, err = ask(open, soon)
	assert.ErrorIs(t, err, syscall.ECONNRESET)
}

// Of 400 packets that are lost with a chance of one in five, 80 are: fewer than 30 or
// more than 130 in one run of 10^9.
func TestLossLosesItsShare(t *testing.T) {
	s, n := street(t, 2), network(t)
	a, b := s[0], s[1]
	b.echoes()
	c := a.dials("udp4", b)
	require.NoError(t, n.Impose(t.Context(), Rule{From: a.End, To: b.End, Protocol: UDP, Effect: Lose(0.2)}))
	const sent = 400
	echoed := make(chan int, 1)
	go func() { // beside, since a buffer holds fewer
		count := 0
		for buffer := make([]byte, 100); ; count++ {
			_ = c.SetReadDeadline(time.Now().Add(4 * late))
			if _, err := c.Read(buffer); err != nil {
				echoed <- count
				return
			}
		}
	}()
	for range sent {
		_, err := c.Write([]byte("word"))
		require.NoError(t, err)
		time.Sleep(200 * time.Microsecond) // likewise
	}
	assert.InDelta(t, sent*0.8, <-echoed, 50)
}

// A delay delays both by at least what it says and, on a machine that isn't stuck, not
// by much more; what was sent first arrives first, whatever the jitter.
func TestADelayDelaysAndKeepsTheOrder(t *testing.T) {
	s, n := street(t, 2), network(t)
	a, b := s[0], s[1]
	b.echoes()
	c := a.dials("udp4", b)
	require.NoError(t, n.Impose(t.Context(), Between(a.End, b.End, Any, Delay(150*time.Millisecond, 50*time.Millisecond))...))
	took, err := ask(c, soon)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, took, 200*time.Millisecond, "twice the least delay")

	const sent = 200
	for i := range sent {
		_, err := fmt.Fprintf(c, "%03d", i)
		require.NoError(t, err)
		time.Sleep(time.Millisecond)
	}
	var order []string
	for buffer := make([]byte, 100); len(order) < sent; {
		_ = c.SetReadDeadline(time.Now().Add(soon))
		k, err := c.Read(buffer)
		require.NoError(t, err, "after %d of %d", len(order), sent)
		order = append(order, string(buffer[:k]))
	}
	assert.IsIncreasing(t, order)

	// What is on its way when all is cleared arrives.
	_, err = c.Write([]byte("last"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return n.waiting() > 0 }, soon, time.Millisecond)
	require.NoError(t, n.Clear(t.Context()))
	_ = c.SetReadDeadline(time.Now().Add(soon))
	k, err := c.Read(make([]byte, 100))
	require.NoError(t, err)
	assert.Equal(t, 4, k)
}

// TCP in bulk goes through a delay: large segments, many at a time.
func TestManyBytesGoThroughADelay(t *testing.T) {
	s, n := street(t, 2), network(t)
	a, b := s[0], s[1]
	b.echoes()
	c := a.dials("tcp4", b)
	require.NoError(t, n.Impose(t.Context(), Between(a.End, b.End, Any, Delay(10*time.Millisecond, 5*time.Millisecond))...))
	const size = 4 << 20
	written := make(chan error, 1)
	go func() { _, err := c.Write(make([]byte, size)); written <- err }()
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	_, err := io.CopyN(io.Discard, c, size)
	assert.NoError(t, err)
	assert.NoError(t, <-written)
}

// Rules that a run has left behind when it died are gone after a sweep, and what it
// delayed goes on without it.
func TestASweepClearsWhatADeadRunHasLeft(t *testing.T) {
	s, dead, ctx := street(t, 2), New(rand.New(rand.NewPCG(1, 2))), t.Context()
	a, b := s[0], s[1]
	b.echoes()
	require.NoError(t, dead.Impose(ctx, Rule{From: a.End, To: b.End, Effect: Delay(time.Hour, 0)}, Rule{From: b.End, To: a.End, Effect: Drop()}))
	for _, line := range dead.lines { // as when our process ends
		require.NoError(t, line.close())
	}
	dead.lines = nil
	_, err := ask(a.dials("udp4", b), late)
	assert.Error(t, err)
	for _, h := range s {
		require.NoError(t, Sweep(ctx, h.PID))
		require.NoError(t, Sweep(ctx, h.PID), "again")
	}
	_, err = ask(a.dials("udp4", b), soon)
	assert.NoError(t, err)
	for _, h := range s {
		rules, err := exec.Command("nsenter", "-t", strconv.Itoa(h.PID), "-n", "iptables", "-S").Output()
		require.NoError(t, err)
		assert.False(t, strings.Contains(string(rules), "STARLING"), string(rules))
	}
	require.NoError(t, dead.Clear(ctx), "clearing what is gone is no error")
}

// A container that has ended takes its rules along; its namespace, held open, can
// still be cleared.
func TestAContainerThatHasEndedIsCleared(t *testing.T) {
	s, n := street(t, 2), network(t)
	require.NoError(t, n.Impose(t.Context(), Between(s[0].End, s[1].End, Any, Drop())...))
	require.NoError(t, syscall.Kill(s[1].PID, syscall.SIGKILL))
	assert.NoError(t, n.Clear(t.Context()))
}

func TestRulesThatMeanNothingAreRefused(t *testing.T) {
	n := New(rand.New(rand.NewPCG(1, 2)))
	good := End{"a", os.Getpid(), netip.MustParseAddr("10.0.0.1")}
	for name, rule := range map[string]Rule{
		"no address": {From: End{Name: "b", PID: 1}, To: good, Effect: Drop()},
		"IPv6":       {From: End{"b", 1, netip.MustParseAddr("fd00::1")}, To: good, Effect: Drop()},
		"no process": {From: good, To: End{Name: "b", Address: good.Address}, Effect: Drop()},
		"no effect":  {From: good, To: good},
		"no share":   {From: good, To: good, Effect: Lose(0)},
		"jitter":     {From: good, To: good, Effect: Delay(time.Second, 2*time.Second)},
	} {
		assert.Error(t, n.Impose(t.Context(), rule), name)
	}
}
