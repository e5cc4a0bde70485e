package lab

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// finish adds the OPT record to a reply that has none.
func (x *exchange) finish(out []byte, rcode int) []byte {
	q := x.q
	if x.manners[Recursive] != nil || x.server.validator {
		out[3] |= 0x80
	}
	if !q.edns || x.manners[EDNSIgnore] != nil {
		return out
	}
	out[11]++ // ARCOUNT; no reply of ours has 255 additional records
	flags := uint16(0)
	if q.do {
		flags = 0x8000
	}
	if x.manners[FlagsEcho] != nil {
		flags |= q.z
	}
	size := x.largest()
	out = append(out, 0, 0, byte(wire.TypeOPT), byte(size>>8), byte(size), byte(rcode>>4), 0, byte(flags>>8), byte(flags), 0, 0)
	length := len(out) - 2
	out = x.appendOptions(out)
	binary.BigEndian.PutUint16(out[length:], uint16(len(out)-length-2))
	return out
}

// largest is how many octets the server sends over UDP at most.
func (x *exchange) largest() int {
	if o := x.manners[EDNSSize]; o != nil {
		return o.Size
	}
	return largest
}

func (x *exchange) appendOptions(out []byte) []byte {
	q := x.q
	if q.nsid && x.manners[NoNSID] == nil {
		nsid := x.hostName()
		out = append(appendOption(out, optionNSID, len(nsid)), nsid...)
	}
	if q.cookie != nil && !q.malformed && x.manners[NoCookies] == nil {
		out = x.appendCookie(out)
	}
	if q.zoneversion && x.frame != nil && x.manners[NoZoneVersion] == nil {
		out = x.appendZoneVersion(out)
	}
	if o := x.manners[ReportChannel]; o != nil && !holdfast.Name(q.name).IsSubdomainOf(holdfast.Name(o.Text)) {
		if agent, err := wire.PackName(holdfast.Name(o.Text)); err == nil {
			out = append(appendOption(out, optionReportChannel, len(agent)), agent...)
		}
	}
	if x.ede != 0 {
		out = binary.BigEndian.AppendUint16(appendOption(out, optionExtendedError, 2), x.ede)
	}
	if x.manners[OptionEcho] != nil {
		out = append(out, q.unknown...)
	}
	return out
}

func appendOption(out []byte, code uint16, length int) []byte {
	out = binary.BigEndian.AppendUint16(out, code)
	return binary.BigEndian.AppendUint16(out, uint16(length))
}

// hostName is what the server calls itself.
func (x *exchange) hostName() string {
	if o := x.manners[HostName]; o != nil {
		return o.Text
	}
	return x.server.title()
}

// title is the name that a server goes by without a word in the plan.
func (s *server) title() string {
	if len(s.names) == 0 { // a validator
		return s.addr.String()
	}
	return string(s.names[0])
}

// appendCookie adds the client's cookie and the server's: in the form of RFC
// 9018 section 4, by a hash of its own choice (RFC 7873 section 5.4) that
// leaves the asker's address out, of which the lab has but one.
func (x *exchange) appendCookie(out []byte) []byte {
	out = appendOption(out, optionCookie, 24)
	start := len(out)
	out = append(out, x.q.cookie[:8]...)
	if x.manners[CookieBad] != nil {
		out[start] ^= 0xff
	}
	if x.manners[CookieShort] != nil {
		binary.BigEndian.PutUint16(out[start-2:], 12)
		return append(out, 1, 2, 3, 4)
	}
	out = append(out, 1, 0, 0, 0)
	out = binary.BigEndian.AppendUint32(out, uint32(x.now.Unix()))
	sum := sha256.Sum256(append(out[start:len(out):len(out)], x.server.title()...))
	return append(out, sum[:8]...)
}

// appendZoneVersion adds the serial of the zone that answers (RFC 9660).
func (x *exchange) appendZoneVersion(out []byte) []byte {
	soa, err := x.frame.set(x.frame.zone.name, wire.TypeSOA)
	if err != nil || len(soa) == 0 {
		return out
	}
	data, err := soa[0].SOA()
	if err != nil {
		return out
	}
	out = append(appendOption(out, optionZoneVersion, 6), byte(x.frame.zone.name.Labels()), 0)
	return binary.BigEndian.AppendUint32(out, data.Serial)
}
