package main

import (
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// fileServer serves a directory over HTTP on loopback.
type fileServer struct {
	*http.Server
	url string
}

func serveFiles(dir string) (*fileServer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &fileServer{
		Server: &http.Server{Handler: http.FileServer(http.Dir(dir)), ReadHeaderTimeout: 10 * time.Second},
		url:    "http://" + listener.Addr().String(),
	}
	go func() { _ = server.Serve(listener) }()
	return server, nil
}

// writeWithData copies a document in which DATA stands for the address of the data.
func writeWithData(from, to, url string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, []byte(strings.ReplaceAll(string(text), "DATA", url)), 0o600)
}
