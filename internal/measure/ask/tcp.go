package ask

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"time"

	"github.com/holdfastdns/holdfast"
)

// onStream asks over a TCP connection of its own (RFC 7766), or one with TLS
// on top (RFC 7858). Who the server says it is does not matter there: nothing
// of it is trusted, and few have a certificate that anybody could check (RFC
// 9539 section 4.6.3.4).
func (t *talk) onStream(ctx context.Context, transport holdfast.Transport) try {
	if err := acquire(ctx, t.a.streams); err != nil {
		return unasked(ctx, err)
	}
	defer func() { <-t.a.streams }()
	t.number()
	r, began := t.started()
	dial, cancel := context.WithTimeout(ctx, t.a.config.TCPWait.Of())
	defer cancel()
	stop := context.AfterFunc(t.a.closing, cancel)
	defer stop()
	conn, err := t.a.dialer.DialContext(dial, "tcp", t.to.String())
	if err != nil {
		switch {
		case ctx.Err() != nil || t.a.closing.Err() != nil:
			return t.abandoned(ctx, r)
		case dial.Err() != nil:
			r.detail = "no connection in time"
			return r
		}
		return failed(r, err)
	}
	defer conn.Close()
	release := t.bound(ctx, conn, t.a.config.TCPWait.Of()-time.Since(began))
	defer release()
	if transport == holdfast.TLS {
		secured := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"dot"}})
		if err := secured.Handshake(); err != nil {
			return t.unsecured(ctx, r, err)
		}
		conn = secured
	}
	message := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(t.query)), uint16(len(t.query)))
	if _, err := conn.Write(append(message, t.query...)); err != nil {
		return t.ended(ctx, r, err)
	}
	for {
		reply, err := readStream(conn)
		switch {
		case err != nil && len(reply) > 0 && ctx.Err() == nil:
			// Part of a message is all that there will be.
			r.outcome, r.reply, r.rtt, r.detail = holdfast.Malformed, reply, time.Since(began), "the stream ended within the message"
			return r
		case err != nil:
			return t.ended(ctx, r, err)
		case len(reply) < 2 || reply[0] != t.query[0] || reply[1] != t.query[1]:
			continue // the deadline bounds this
		case t.examine(reply, time.Since(began), &r):
			return r
		}
	}
}

// unsecured is the try that came to a connection, but to no TLS over it.
func (t *talk) unsecured(ctx context.Context, r try, err error) try {
	if r = t.ended(ctx, r, err); r.outcome == holdfast.NotAsked && ctx.Err() == nil && t.a.closing.Err() == nil {
		r.outcome, r.tried, r.detail = holdfast.Malformed, true, "no TLS: "+err.Error()
	}
	return r
}

// readStream reads one message with its length in front (RFC 1035 section
// 4.2.2). With an error it gives what came of the message.
func readStream(in io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	n, err := io.ReadFull(in, message)
	return message[:n], err
}
