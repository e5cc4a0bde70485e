package zonefile

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// ErrRefused says that the server does not give the zone: ask another.
var ErrRefused = errors.New("the server gives no transfer; use another server or source")

// Transfer asks a server for a zone by AXFR over TCP (RFC 5936) and hands over
// record after record, the closing SOA left out. server is "host:port".
//
// It answers ErrRefused, ErrTruncated, ErrTooLarge, the network's or the
// context's error, wrapped, and yield's error as it is. After an error, what
// was handed over is no zone.
func Transfer(ctx context.Context, dial source.DialContext, server string, zone holdfast.Name, limits Limits, yield func(wire.Record) error) (Summary, error) {
	limits = limits.withDefaults()
	ctx, cancel := context.WithTimeout(ctx, limits.Timeout.Of())
	defer cancel()
	a := &assembly{limits: limits, yield: yield, transfer: true}
	err := transfer(ctx, dial, server, zone, a)
	switch {
	case a.yieldErr != nil:
		return a.summary, a.yieldErr
	case err != nil && ctx.Err() != nil:
		err = ctx.Err()
	}
	if err != nil {
		return a.summary, fmt.Errorf("transfer zone %s from %s, after %d records: %w", zone, server, a.summary.Records, err)
	}
	return a.summary, nil
}

func transfer(ctx context.Context, dial source.DialContext, server string, zone holdfast.Name, a *assembly) error {
	conn, err := dial(ctx, "tcp", server)
	if err != nil {
		return err
	}
	defer conn.Close()
	// A read that waits ends when the context does.
	defer context.AfterFunc(ctx, func() { conn.Close() })()

	var id [2]byte
	if _, err := rand.Read(id[:]); err != nil {
		return err
	}
	query := &wire.Message{ID: binary.BigEndian.Uint16(id[:]), Question: []holdfast.Question{{Name: zone, Type: uint16(wire.TypeAXFR)}}}
	packet, err := query.Pack()
	if err != nil {
		return err
	}
	if err := conn.SetDeadline(time.Now().Add(a.limits.Idle.Of())); err != nil {
		return err
	}
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)); err != nil {
		return err
	}
	r := &replies{conn: conn, query: query, limits: a.limits, left: a.limits.MaxBytes}
	return r.read(a)
}

// replies reads the messages of one transfer.
type replies struct {
	conn     net.Conn
	query    *wire.Message
	limits   Limits
	left     int64 // octets that may still come
	messages int
	buffer   []byte // of one message, reused
}

func (r *replies) read(a *assembly) error {
	zone := r.query.Question[0].Name
	for !a.summary.Closed {
		message, err := r.next()
		if err != nil {
			return err
		}
		for _, record := range message.Answer {
			switch {
			case a.summary.Zone == "" && (record.Type != wire.TypeSOA || record.Name != zone):
				return fmt.Errorf("it begins with %s %s, not with the zone's SOA (RFC 5936 section 2.2)", record.Name, record.Type)
			case !record.Name.IsSubdomainOf(zone):
				return fmt.Errorf("record %s %s lies outside the zone", record.Name, record.Type)
			}
			if err := a.add(record); err != nil {
				return err
			}
		}
	}
	return nil
}

// next reads one message and sees that it belongs to the transfer (RFC 5936
// sections 2.2.1 and 2.2.2).
func (r *replies) next() (*wire.Message, error) {
	if r.messages++; r.messages > r.limits.MaxMessages {
		return nil, fmt.Errorf("%w of %d messages (max_messages)", ErrTooLarge, r.limits.MaxMessages)
	}
	if err := r.conn.SetReadDeadline(time.Now().Add(r.limits.Idle.Of())); err != nil {
		return nil, err
	}
	packet, err := r.packet()
	if err != nil {
		return nil, err
	}
	if r.left -= int64(len(packet)); r.left < 0 {
		return nil, fmt.Errorf("%w of bytes (max_bytes)", ErrTooLarge)
	}
	m, err := wire.Parse(packet)
	if err != nil {
		return nil, err
	}
	switch {
	case !m.Response || m.ID != r.query.ID || m.Opcode != r.query.Opcode:
		return nil, fmt.Errorf("message %d is no reply to our question", r.messages)
	case m.Rcode != wire.NoError:
		return nil, fmt.Errorf("%s: %w", wire.RcodeName(m.Rcode), ErrRefused)
	case m.Truncated:
		return nil, fmt.Errorf("message %d has TC set, over TCP", r.messages)
	case (r.messages == 1 || len(m.Question) > 0) && !m.Matches(r.query):
		return nil, fmt.Errorf("message %d answers another question", r.messages)
	case len(m.Answer) == 0:
		return nil, fmt.Errorf("message %d holds no records: %w", r.messages, ErrRefused)
	}
	return m, nil
}

func (r *replies) packet() ([]byte, error) {
	var prefix [2]byte
	if _, err := io.ReadFull(r.conn, prefix[:]); err != nil {
		return nil, ended(err)
	}
	length := int(binary.BigEndian.Uint16(prefix[:]))
	if cap(r.buffer) < length {
		r.buffer = make([]byte, 1<<16)
	}
	packet := r.buffer[:length]
	if _, err := io.ReadFull(r.conn, packet); err != nil {
		return nil, ended(err)
	}
	return packet, nil
}

// ended names what the end of the connection means before the end of the zone.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) {
		return fmt.Errorf("%w (the server closed the connection before the closing SOA)", ErrTruncated)
	}
	return err
}
