package capture

import (
	"bufio"
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
	var source packetSource
	var err error
	if format == FormatPcapNG {
		source, err = pcapgo.NewNgReader(in, pcapgo.NgReaderOptions{SkipUnknownVersion: true})
	} else {
		source, err = pcapgo.NewReader(in)
	}
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
