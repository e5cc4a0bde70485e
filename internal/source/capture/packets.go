package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// packetSource is pcap's reader or pcapng's.
type packetSource interface {
	ZeroCopyReadPacketData() ([]byte, gopacket.CaptureInfo, error)
	LinkType() layers.LinkType
}

// packets reads a capture. Fragments are not put together, and a question over
// TCP counts where one segment holds it: that loses few, and needs no memory.
func (r *reader) packets(in *bufio.Reader, format Format) error {
	source, err := openPackets(in, format)
	if err != nil {
		return fmt.Errorf("head: %w", err)
	}
	for {
		data, info, err := source.ZeroCopyReadPacketData()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.packet(data, info, source.LinkType()); err != nil {
			return err
		}
	}
}

// maxPacket bounds a packet, or a block of pcapng, in octets: the length that a
// file gives is not to be trusted with memory.
const maxPacket = 1 << 20

func openPackets(in *bufio.Reader, format Format) (packetSource, error) {
	if format == FormatPcapNG {
		return pcapgo.NewNgReader(&blocks{in: in}, pcapgo.NgReaderOptions{SkipUnknownVersion: true})
	}
	source, err := pcapgo.NewReader(in)
	if err == nil {
		source.SetSnaplen(min(source.Snaplen(), maxPacket))
	}
	return source, err
}

// blocks passes a pcapng file on block by block, and ends it where one is
// longer than any has reason to be.
type blocks struct {
	in    *bufio.Reader
	left  uint32 // of the block that is being passed on
	order binary.ByteOrder
}

// A section header has its own byte order's mark behind its length.
const (
	sectionHeader = 0x0a0d0d0a
	orderMark     = 0x1a2b3c4d
)

func (b *blocks) Read(p []byte) (int, error) {
	if b.left == 0 {
		head, err := b.in.Peek(12)
		if len(head) == 0 {
			return 0, err
		}
		if len(head) < 12 {
			return 0, io.ErrUnexpectedEOF
		}
		if binary.LittleEndian.Uint32(head) == sectionHeader {
			b.order = binary.LittleEndian
			if binary.BigEndian.Uint32(head[8:]) == orderMark {
				b.order = binary.BigEndian
			}
		}
		if b.order == nil {
			return 0, errors.New("it does not begin with a section")
		}
		if b.left = b.order.Uint32(head[4:]); b.left < 12 || b.left > maxPacket {
			return 0, fmt.Errorf("a block has %d octets: want 12 to %d", b.left, maxPacket)
		}
	}
	n, err := b.in.Read(p[:min(uint64(len(p)), uint64(b.left))])
	b.left -= uint32(n)
	return n, err
}

func (r *reader) packet(data []byte, info gopacket.CaptureInfo, link layers.LinkType) error {
	packet := gopacket.NewPacket(data, link, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	transport := packet.TransportLayer()
	network := packet.NetworkLayer()
	if transport == nil || network == nil {
		r.skip()
		return nil
	}
	source, ok := netip.AddrFromSlice(network.NetworkFlow().Src().Raw())
	payload := r.payload(transport)
	if !ok || payload == nil {
		r.skip()
		return nil
	}
	return r.message(info.Timestamp, source, payload)
}

// payload is the message that goes to the server's port; nil where there is
// none, or not a whole one.
func (r *reader) payload(transport gopacket.TransportLayer) []byte {
	switch t := transport.(type) {
	case *layers.UDP:
		if uint16(t.DstPort) == r.Port {
			return t.Payload
		}
	case *layers.TCP:
		if uint16(t.DstPort) == r.Port && len(t.Payload) > 2 {
			if length := int(t.Payload[0])<<8 | int(t.Payload[1]); length <= len(t.Payload)-2 {
				return t.Payload[2 : 2+length]
			}
		}
	}
	return nil
}
