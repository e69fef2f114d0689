package engine

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"

	"github.com/moby/moby/client"
)

// makeImage makes an image with a program that does nothing, and nothing else.
func makeImage(ctx context.Context, engine *client.Client, name string) error {
	program, err := nothing()
	if err != nil {
		return err
	}
	var files bytes.Buffer
	w := tar.NewWriter(&files)
	w.WriteHeader(&tar.Header{Name: "nothing", Mode: 0o755, Size: int64(len(program))})
	w.Write(program)
	if err := w.Close(); err != nil {
		return err
	}
	answer, err := engine.ImageImport(ctx, client.ImageImportSource{Source: &files, SourceName: "-"}, name,
		client.ImageImportOptions{Changes: []string{`ENTRYPOINT ["/nothing"]`}})
	if err != nil {
		return err
	}
	defer answer.Close()
	_, err = io.Copy(io.Discard, answer)
	return err
}

// nothing is a program for this machine that exits with 0: an ELF header, one segment, and the system call.
func nothing() ([]byte, error) {
	calls := map[string]struct {
		machine uint16
		code    []byte
	}{
		// mov $60, %eax; xor %edi, %edi; syscall
		"amd64": {62, []byte{0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05}},
		// mov x8, #93; mov x0, #0; svc #0
		"arm64": {183, []byte{0xa8, 0x0b, 0x80, 0xd2, 0, 0, 0x80, 0xd2, 0x01, 0, 0, 0xd4}},
	}
	call, known := calls[runtime.GOARCH]
	if !known {
		return nil, fmt.Errorf("there is none for %s", runtime.GOARCH)
	}
	const base, headers = 0x400000, 64 + 56
	size := uint64(headers + len(call.code))
	var program bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			binary.Write(&program, binary.LittleEndian, v) // to memory: it can't fail
		}
	}
	put([]byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"), uint16(2), call.machine, uint32(1),
		uint64(base+headers), uint64(64), uint64(0), uint32(0), uint16(64), uint16(56), uint16(1), uint16(0), uint16(0), uint16(0))
	put(uint32(1), uint32(5), uint64(0), uint64(base), uint64(base), size, size, uint64(0x1000))
	put(call.code)
	return program.Bytes(), nil
}
