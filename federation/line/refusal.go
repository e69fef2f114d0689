package line

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

// Reason is why a connection isn't made, in a word: for programs and metrics.
type Reason string

// The reasons. From ReasonVersion on the caller gets to know; before are those who
// speak no word of ours.
const (
	ReasonCrowd       Reason = "crowd"       // too many are waiting to be greeted
	ReasonSlow        Reason = "slow"        // it took too long, or went away
	ReasonGarbage     Reason = "garbage"     // it speaks something else
	ReasonCertificate Reason = "certificate" // it has none that would do, or no TLS 1.3
	ReasonVersion     Reason = "version"     // it speaks another version
	ReasonRevoked     Reason = "revoked"     // its certificate was revoked
	ReasonName        Reason = "name"        // it says a name that its certificate doesn't
	ReasonWanted      Reason = "wanted"      // it wanted another node
	ReasonFederation  Reason = "federation"  // it belongs to another federation, or to none yet
	ReasonBusy        Reason = "busy"        // too many connections, or nobody to take it yet
)

// reasons are all of them.
var reasons = []Reason{
	ReasonCrowd, ReasonSlow, ReasonGarbage, ReasonCertificate, ReasonVersion,
	ReasonRevoked, ReasonName, ReasonWanted, ReasonFederation, ReasonBusy,
}

// Refused is the error of a call that the other node has answered with no.
type Refused struct {
	Node, Address string
	Reason        Reason
	Message       string // in its words
}

func (e *Refused) Error() string {
	return fmt.Sprintf("%s at %s refuses: %s", e.Node, e.Address, e.Message)
}

// An Impostor is the error of a call to a node where another one answers.
type Impostor struct {
	Node, Address string
	Name          string // in the certificate of what answers
}

func (e *Impostor) Error() string {
	return fmt.Sprintf("call %s at %s: another answers there, with a certificate for %s", e.Node, e.Address, e.Name)
}

// IsAnother reports whether a call has failed because another node answers than the one
// that was called, as it has proven or, in development, says.
func IsAnother(err error) bool {
	var impostor *Impostor
	var refused *Refused
	return errors.As(err, &impostor) || errors.As(err, &refused) && refused.Reason == ReasonWanted
}

// whyNot tells why a caller was not greeted, from the error of the handshake or of
// reading its hello.
// What tells nothing by itself is the fallback.
func whyNot(err error, fallback Reason) Reason {
	var timeout net.Error
	var record tls.RecordHeaderError
	var out *revoked
	switch {
	case errors.As(err, &out):
		return ReasonRevoked
	case errors.Is(err, net.ErrClosed):
		return ReasonCrowd // the gate has closed it
	case errors.Is(err, errVersion):
		return ReasonVersion
	case errors.Is(err, errMagic), errors.As(err, &record):
		return ReasonGarbage
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.As(err, &timeout) && timeout.Timeout():
		return ReasonSlow
	}
	return fallback
}

// failedCall says what a caller's handshake or greeting has met.
func failedCall(node, address string, err error) error {
	at := fmt.Sprintf("call %s at %s", node, address)
	var record tls.RecordHeaderError
	var host x509.HostnameError
	var op *net.OpError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &authority):
		return fmt.Errorf("%s: another CA than that in this node's federation.ca vouches for what answers there; nodes of one federation have one CA", at)
	case errors.As(err, &record):
		return fmt.Errorf("%s: it does not speak TLS; is it another program, or a node with --dev?", at)
	case errors.As(err, &host) && len(host.Certificate.DNSNames) > 0:
		return &Impostor{Node: node, Address: address, Name: clean(host.Certificate.DNSNames[0], 255)}
	case errors.As(err, &op) && op.Op == "remote error":
		return fmt.Errorf("%s: it refuses this node's certificate (%w); is it of the same CA, and its time not over?", at, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("%s: it hung up without an answer; does it want TLS, or none?", at)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%s: no answer in time: %w", at, err)
	}
	return fmt.Errorf("%s: %w", at, err)
}
