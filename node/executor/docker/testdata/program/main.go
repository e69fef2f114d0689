// Program is what the tests of the Docker executor run in containers: it does
// what its arguments say, one after the other, each a verb and what it takes,
// with colons between. Two numbers are a time to sleep, in seconds, and a status
// to exit with.
package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) == 3 {
		if _, err := strconv.ParseFloat(os.Args[1], 64); err == nil {
			do("sleep", os.Args[1:2])
			do("exit", os.Args[2:])
		}
	}
	for _, step := range os.Args[1:] {
		parts := strings.SplitN(step, ":", 3)
		do(parts[0], append(parts[1:], "", ""))
	}
}

func do(verb string, with []string) {
	number, _ := strconv.ParseFloat(with[0], 64)
	switch verb {
	case "sleep":
		time.Sleep(time.Duration(number * float64(time.Second)))
	case "exit":
		os.Exit(int(number))
	case "print":
		fmt.Println(with[0])
	case "error":
		fmt.Fprintln(os.Stderr, with[0])
	case "bytes": // all of them, many times
		all := make([]byte, 256)
		for n := range all {
			all[n] = byte(n)
		}
		for range int(number) {
			os.Stdout.Write(all)
			os.Stderr.Write(all[128:])
		}
	case "write":
		must(os.WriteFile(with[0], []byte(with[1]), 0o600))
	case "read":
		content, err := os.ReadFile(with[0])
		must(err)
		fmt.Print(string(content))
	case "cannot": // write there
		if os.WriteFile(with[0], []byte("x"), 0o600) == nil {
			must(fmt.Errorf("%s can be written to", with[0]))
		}
	case "list":
		entries, err := os.ReadDir(with[0])
		must(err)
		for _, entry := range entries {
			fmt.Println(entry.Name())
		}
	case "await": // a file
		for _, err := os.Stat(with[0]); err != nil; _, err = os.Stat(with[0]) {
			time.Sleep(5 * time.Millisecond)
		}
	case "allocate": // so many MiB of disk
		file, err := os.Create(with[0])
		must(err)
		size, _ := strconv.ParseInt(with[1], 10, 64)
		must(syscall.Fallocate(int(file.Fd()), 0, 0, size<<20))
	case "memory": // use so many MiB
		for hold := make([][]byte, 0); len(hold) < int(number); {
			page := make([]byte, 1<<20)
			for n := 0; n < len(page); n += 4096 {
				page[n] = 1
			}
			hold = append(hold, page)
		}
	case "fork": // so many children, that sleep
		for range int(number) {
			child := exec.Command("/proc/self/exe", "sleep:600")
			if err := child.Start(); err != nil {
				fmt.Println("no more:", err)
				return
			}
		}
	case "environment":
		fmt.Println(strings.Join(os.Environ(), "\n"))
	case "deaf": // to being asked to end
		signal.Ignore(syscall.SIGTERM)
	case "serve":
		listener, err := net.Listen("tcp", ":"+with[0])
		must(err)
		for {
			conn, err := listener.Accept()
			must(err)
			conn.Read(make([]byte, 4096)) // the request, whatever it is
			fmt.Fprint(conn, "HTTP/1.0 200 OK\r\n\r\nserved")
			conn.Close()
		}
	case "dial":
		conn, err := net.DialTimeout("tcp", with[0]+":"+with[1], 2*time.Second)
		must(err)
		conn.Close()
	default:
		must(fmt.Errorf("%q is nothing to do", verb))
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
