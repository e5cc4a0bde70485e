package rehearsal

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// playClock stands still at an instant of a play.
type playClock struct{ at time.Time }

func (c *playClock) Now() time.Time { return c.at }

// After never comes: the clock stands still.
func (c *playClock) After(time.Duration) <-chan time.Time { return nil }

// KeySizes are the octets of the answer that the root's server gives for the
// root's DNSKEY with DO, EDNS included, in each step of the play, over whatever
// carries it.
func (s Set) KeySizes(ctx context.Context) ([]int, error) {
	begin := time.Unix(1<<30, 0).UTC() // any instant will do
	clock := &playClock{begin}
	plan := s.Lab(begin)
	plan.Faults = nil // they are not what is measured
	in, err := lab.New(plan, clock)
	if err != nil {
		return nil, fmt.Errorf("play %s: %w", s.Play.Name, err)
	}
	out := make([]int, 0, len(s.Play.Steps))
	for _, step := range s.Play.Steps {
		clock.at = begin.Add(step.At)
		size, err := keySize(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("play %s: size of the keys in step %s: %w", s.Play.Name, step.Name, err)
		}
		out = append(out, size)
	}
	return out, nil
}

// keySize asks in memory, over TCP, which has room for all.
func keySize(ctx context.Context, in *lab.Internet) (int, error) {
	query, err := (&wire.Message{ID: 1, EDNS: &wire.EDNS{UDPSize: 1232, DO: true},
		Question: []holdfast.Question{{Name: holdfast.Root, Type: uint16(wire.TypeDNSKEY)}}}).Pack()
	if err != nil {
		return 0, err
	}
	conn, err := in.DialContext(ctx, "tcp", netip.AddrPortFrom(rootAddress, 53).String())
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)); err != nil {
		return 0, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return 0, err
	}
	return int(binary.BigEndian.Uint16(length[:])), nil
}
