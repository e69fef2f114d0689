// Notebook is what sessions of the tests run in containers of their own: it sets a
// cookie, shows a page, takes uploads, and echoes over a WebSocket, until it is asked to
// stop. Whatever it is told on the command line it writes to /output/said.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == "exit" {
		fmt.Println("going")
		if err := os.WriteFile("/output/said", []byte(strings.Join(os.Args[3:], " ")), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		status, _ := strconv.Atoi(os.Args[2])
		os.Exit(status)
	}
	stop := make(chan struct{})
	server := &http.Server{Addr: ":8888", ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/ws"):
			conn, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			_, _ = io.Copy(conn, buffered)
		case strings.HasSuffix(r.URL.Path, "/upload"):
			n, err := io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, n, err)
		case strings.HasSuffix(r.URL.Path, "/stop"):
			fmt.Fprint(w, "bye")
			close(stop)
		default:
			http.SetCookie(w, &http.Cookie{Name: "lab", Value: "1", Path: "/"})
			fmt.Fprintln(w, "a page")
			_ = r.Header.Write(w)
		}
	})}
	go func() {
		<-stop
		_ = server.Close()
	}()
	fmt.Println("listening")
	fmt.Println(server.ListenAndServe())
}
