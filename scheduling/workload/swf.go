package workload

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Job is one line of a log. Times are in seconds; −1 is what the log doesn't know.
type Job struct {
	Line           int   // in the log, from 1
	Number         int64 // field 1
	Submit         int64 // field 2, since the log's start
	Run            int64 // field 4
	AllocatedProcs int64 // field 5
	RequestedProcs int64 // field 8
	RequestedTime  int64 // field 9
}

// Trace is a log.
type Trace struct {
	MaxProcs int64 // what the header says the machine has; 0 if it doesn't
	Jobs     []Job // as they stand in the log
}

// Bounds of a log that Read takes.
const (
	MaxJobs   = 20_000_000
	maxLine   = 64 << 10 // bytes
	maxNumber = 1 << 40  // of seconds, or processors
	fields    = 18
)

// Read reads a log in the Standard Workload Format, version 2, plain or packed with gzip. Errors name the line.
// The format is described at https://www.cs.huji.ac.il/labs/parallel/workload/swf.html.
func Read(r io.Reader) (*Trace, error) {
	plain, err := unpacked(r)
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	trace := &Trace{}
	number := 0
	for more := true; more; {
		number++
		line, err := plain.ReadSlice('\n')
		more = err == nil
		if err != nil && err != io.EOF { // what was read of a broken line is not worth a look
			return nil, fmt.Errorf("read log: line %d: %w", number, explained(err))
		}
		if err := trace.line(bytes.TrimSpace(line), number); err != nil {
			return nil, fmt.Errorf("read log: line %d: %w", number, err)
		}
	}
	if len(trace.Jobs) == 0 {
		return nil, fmt.Errorf("read log: no jobs in %d lines", number)
	}
	return trace, nil
}

// line takes in one line.
func (t *Trace) line(line []byte, number int) error {
	switch {
	case len(line) == 0:
		return nil
	case line[0] == ';':
		t.header(line[1:])
		return nil
	case len(t.Jobs) == MaxJobs:
		return fmt.Errorf("more than %d jobs", MaxJobs)
	}
	job, err := parse(line)
	if err != nil {
		return err
	}
	job.Line = number
	t.Jobs = append(t.Jobs, job)
	return nil
}

// unpacked returns what r holds, unpacked if it begins as gzip does.
func unpacked(r io.Reader) (*bufio.Reader, error) {
	buffered := bufio.NewReaderSize(r, maxLine)
	if magic, _ := buffered.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return buffered, nil
	}
	packed, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, explained(err)
	}
	return bufio.NewReaderSize(packed, maxLine), nil
}

func explained(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the gzip data is cut short: %w", err)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		return fmt.Errorf("the gzip data is damaged: %w", err)
	case errors.Is(err, bufio.ErrBufferFull):
		return fmt.Errorf("longer than %d bytes: %w", maxLine, err)
	}
	return err
}

// header takes what we use of a comment: the size of the machine.
func (t *Trace) header(comment []byte) {
	name, value, ok := bytes.Cut(comment, []byte{':'})
	if !ok || !bytes.Equal(bytes.TrimSpace(name), []byte("MaxProcs")) {
		return
	}
	first, _, _ := bytes.Cut(bytes.TrimSpace(value), []byte{' '})
	if procs, err := strconv.ParseInt(string(first), 10, 64); err == nil && 0 < procs && procs <= maxNumber {
		t.MaxProcs = procs
	}
}

// parse reads the line of a job. Every field must be a number; those we use must be whole.
func parse(line []byte) (Job, error) {
	var job Job
	wanted := [fields]*int64{
		0: &job.Number, 1: &job.Submit, 3: &job.Run, 4: &job.AllocatedProcs, 7: &job.RequestedProcs, 8: &job.RequestedTime,
	}
	count := 0
	for field := range bytes.FieldsSeq(line) {
		count++
		if count > fields {
			continue
		}
		value, whole, ok := number(field)
		to := wanted[count-1]
		if !ok || (to != nil && !whole) {
			return job, fmt.Errorf("field %d: %.40q is not a number", count, field)
		}
		if to == nil {
			continue
		}
		if value < -1 || value > maxNumber {
			return job, fmt.Errorf("field %d: %s is out of range", count, field)
		}
		*to = value
	}
	if count != fields {
		return job, fmt.Errorf("%d fields instead of %d", count, fields)
	}
	if job.Submit < 0 {
		return job, fmt.Errorf("field 2: a job must have a time of submission")
	}
	return job, nil
}

// number reads a field; some logs have averages with a fraction.
func number(field []byte) (value int64, whole, ok bool) {
	value, err := strconv.ParseInt(string(field), 10, 64)
	if err == nil {
		return value, true, true
	}
	_, err = strconv.ParseFloat(string(field), 64)
	return 0, false, err == nil
}
