package ask

import (
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/holdfastdns/holdfast"
)

// failed is the try that the network, or our own machine, refused. What speaks
// of the server or the path is an outcome; what speaks of us (no descriptors
// left, an address that the dialer forbids) leaves the question unasked, for a
// server must not be blamed for it.
func failed(r try, err error) try {
	var errno syscall.Errno
	r.detail = err.Error()
	if errors.As(err, &errno) {
		r.detail = errno.Error() // without ports, which differ each time
	}
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		r.outcome = holdfast.Refused
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EHOSTDOWN),
		errors.Is(err, syscall.ENETDOWN), errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EAFNOSUPPORT):
		r.outcome = holdfast.Unreachable
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		r.outcome, r.detail = holdfast.Timeout, "the server closed the connection without a reply"
	case errors.As(err, &timeout) && timeout.Timeout():
		r.outcome = holdfast.Timeout
	default:
		r.outcome, r.tried = holdfast.NotAsked, false
	}
	return r
}
