package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// question is a DNS message by hand (RFC 1035 section 4.1): an id, flags, one
// question of NULL/IN for _ta-4f66, and an OPT with the options.
func question(flags uint16, option []byte) []byte {
	out := []byte{0x12, 0x34, byte(flags >> 8), byte(flags), 0, 1, 0, 0, 0, 0, 0, 0}
	out = append(out, "\x08_ta-4f66\x00\x00\x0a\x00\x01"...)
	if option != nil {
		out[11] = 1
		out = append(out, 0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0)
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(option))), option...)
	}
	return out
}

// tap is dnstap's frame for a message of a kind (dnstap.proto).
func tap(kind uint64, source, query, response []byte, seconds uint64) []byte {
	var m []byte
	m = protowire.AppendVarint(protowire.AppendTag(m, 1, protowire.VarintType), kind)
	if source != nil {
		m = protowire.AppendBytes(protowire.AppendTag(m, 4, protowire.BytesType), source)
	}
	m = protowire.AppendVarint(protowire.AppendTag(m, 8, protowire.VarintType), seconds)
	m = protowire.AppendFixed32(protowire.AppendTag(m, 9, protowire.Fixed32Type), 5)
	if query != nil {
		m = protowire.AppendBytes(protowire.AppendTag(m, 10, protowire.BytesType), query)
	}
	if response != nil {
		m = protowire.AppendBytes(protowire.AppendTag(m, 14, protowire.BytesType), response)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, 14, protowire.BytesType), m)
}

// stream is a file of Frame Streams: START with its content type, frames, STOP.
func stream(content string, frames ...[]byte) []byte {
	word := binary.BigEndian.AppendUint32
	start := append(word(word(word(nil, 2), 1), uint32(len(content))), content...)
	out := append(word(word(nil, 0), uint32(len(start))), start...)
	for _, f := range frames {
		out = append(word(out, uint32(len(f))), f...)
	}
	return word(word(word(out, 0), 4), 3)
}

// collect reads a record and answers its questions as lines.
func collect(t *testing.T, record []byte, o Options) ([]string, Stats) {
	t.Helper()
	var out []string
	o.Now = readOn
	stats, err := Read(bytes.NewReader(record), "f", o, func(q Question) error {
		out = append(out, fmt.Sprintf("%s %s %d %v", q.Source, q.Name, q.Type, q.Tags))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, stats
}

// TestFrames are frames of dnstap that are no questions, or not as they should
// be: each is passed over by itself, and those around it count.
func TestFrames(t *testing.T) {
	four, six := []byte{192, 0, 2, 1}, netip.MustParseAddr("2001:db8::1").AsSlice()
	good := tap(1, four, question(0, nil), nil, 1)
	const want = "192.0.2.1 _ta-4f66. 10 []"
	for name, c := range map[string]struct {
		frame []byte
		want  string // empty: passed over
	}{
		"a resolver's client":         {tap(5, six, question(0x100, nil), nil, 1), "2001:db8::1 _ta-4f66. 10 []"},
		"IPv4 within IPv6":            {tap(1, netip.MustParseAddr("::ffff:192.0.2.1").AsSlice(), question(0, nil), nil, 1), want},
		"key tags":                    {tap(1, four, question(0, []byte{0, 14, 0, 4, 0x4f, 0x66, 0x97, 0x28}), nil, 1), "192.0.2.1 _ta-4f66. 10 [20326 38696]"},
		"an odd number of octets":     {tap(1, four, question(0, []byte{0, 14, 0, 3, 0x4f, 0x66, 0x97}), nil, 1), want},
		"hundreds of key tags":        {tap(1, four, question(0, append([]byte{0, 14, 1, 0}, make([]byte, 256)...)), nil, 1), want},
		"an option behind another":    {tap(1, four, question(0, []byte{0, 10, 0, 1, 9, 0, 14, 0, 2, 0, 1}), nil, 1), "192.0.2.1 _ta-4f66. 10 [1]"},
		"an answer with its question": {tap(2, four, question(0, nil), question(0x8000, nil), 1), ""},
		"an answer in place of one":   {tap(1, four, question(0x8000, nil), nil, 1), ""},
		"a resolver's own question":   {tap(3, four, question(0, nil), nil, 1), ""},
		"an update":                   {tap(1, four, question(0x2800, nil), nil, 1), ""},
		"no question within":          {tap(1, four, []byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, nil, 1), ""},
		"a cut question":              {tap(1, four, question(0, nil)[:18], nil, 1), ""},
		"no address":                  {tap(1, nil, question(0, nil), nil, 1), ""},
		"an address of three octets":  {tap(1, four[:3], question(0, nil), nil, 1), ""},
		"no message":                  {protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), []byte("ns1")), ""},
		"a time past all times":       {tap(1, four, question(0, nil), nil, 1<<50), ""},
		"a tag that breaks off":       {[]byte{0x80}, ""},
		"a length beyond the end":     {[]byte{0x72, 0x7f, 1}, ""},
		"an empty frame's successor":  {tap(1, four, nil, nil, 1), ""},
	} {
		got, stats := collect(t, stream("protobuf:dnstap.Dnstap", good, c.frame, good), Options{})
		wanted := []string{want, want}
		skipped := int64(1)
		if c.want != "" {
			wanted, skipped = []string{want, c.want, want}, 0
		}
		if fmt.Sprint(got) != fmt.Sprint(wanted) || stats.Skipped != skipped || stats.Broken != "" {
			t.Errorf("%s: %q, %+v, want %q", name, got, stats, wanted)
		}
	}
	// Where a server records its answers only, they tell of the questions.
	answer := tap(2, four, nil, question(0x8000, nil), 1)
	if got, _ := collect(t, stream("protobuf:dnstap.Dnstap", answer, answer), Options{}); fmt.Sprint(got) != fmt.Sprint([]string{want, want}) {
		t.Errorf("answers alone: %q", got)
	}
	both := tap(2, four, question(0, nil), question(0x8000, nil), 1)
	if got, _ := collect(t, stream("protobuf:dnstap.Dnstap", both, both), Options{}); fmt.Sprint(got) != fmt.Sprint([]string{want, want}) {
		t.Errorf("answers with their questions, alone: %q", got)
	}
	if got, stats := collect(t, stream("protobuf:dnstap.Dnstap", good, answer), Options{}); fmt.Sprint(got) != fmt.Sprint([]string{want}) || stats.Skipped != 1 {
		t.Errorf("a question and its answer: %q, %+v", got, stats)
	}
}

// TestStreams are Frame Streams as a whole: of other content, cut off, with
// control frames that lie.
func TestStreams(t *testing.T) {
	good := tap(1, []byte{192, 0, 2, 1}, question(0, nil), nil, 1)
	whole := stream("protobuf:dnstap.Dnstap", good)
	for name, c := range map[string]struct {
		record []byte
		broken string
		n      int
	}{
		"whole":                  {whole, "", 1},
		"without STOP":           {whole[:len(whole)-12], "", 1},
		"something behind STOP":  {append(bytes.Clone(whole), "and more"...), "", 1},
		"of other content":       {stream("protobuf:other", good), "protobuf:other", 0},
		"cut in a frame":         {whole[:len(whole)-14], "unexpected EOF", 0},
		"cut in a control frame": {whole[:20], "unexpected EOF", 0},
		"a control frame of two": {[]byte{0, 0, 0, 0, 0, 0, 0, 2, 0, 0}, "without a type", 0},
		"a field beyond its end": {[]byte{0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 99}, "longer than it", 0},
	} {
		got, stats := collect(t, c.record, Options{Format: FormatDnstap})
		if len(got) != c.n || (c.broken == "") != (stats.Broken == "") || !strings.Contains(stats.Broken, c.broken) {
			t.Errorf("%s: %d questions, %+v, want %d and %q", name, len(got), stats, c.n, c.broken)
		}
	}
}

// pcap is a capture by hand in either order of octets: of Ethernet frames.
func pcap(order binary.AppendByteOrder, frames ...string) []byte {
	out := order.AppendUint32(nil, 0xa1b2c3d4)
	out = order.AppendUint16(order.AppendUint16(out, 2), 4)
	out = append(out, make([]byte, 8)...)
	out = order.AppendUint32(order.AppendUint32(out, 65535), 1)
	for _, f := range frames {
		raw, err := hex.DecodeString(strings.ReplaceAll(f, " ", ""))
		if err != nil {
			panic(err)
		}
		for _, word := range []uint32{1795257198, 0, uint32(len(raw)), uint32(len(raw))} {
			out = order.AppendUint32(out, word)
		}
		out = append(out, raw...)
	}
	return out
}

// frame is Ethernet, IPv4 from 192.0.2.1 to 192.0.2.53, and a transport.
func frame(protocol byte, fragment uint16, transport []byte) string {
	ip := []byte{0x45, 0, 0, 0, 0, 1, byte(fragment >> 8), byte(fragment), 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 53}
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)+len(transport)))
	return "020000000001 020000000002 0800" + hex.EncodeToString(append(ip, transport...))
}

func udp(port uint16, payload []byte) []byte {
	return append(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16([]byte{0xc0, 0}, port), uint16(8+len(payload))), 0), payload...)
}

func tcp(payload []byte) []byte {
	head := []byte{0xc0, 0, 0, 53, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0}
	return append(head, payload...)
}

// TestPackets are packets that hold a question, half of one, or none.
func TestPackets(t *testing.T) {
	q := question(0, nil)
	prefixed := append(binary.BigEndian.AppendUint16(nil, uint16(len(q))), q...)
	for name, c := range map[string]struct {
		frame string
		port  uint16
		n     int
	}{
		"UDP":                       {frame(17, 0, udp(53, q)), 0, 1},
		"another port":              {frame(17, 0, udp(5353, q)), 0, 0},
		"another port, asked for":   {frame(17, 0, udp(5353, q)), 5353, 1},
		"TCP":                       {frame(6, 0, tcp(prefixed)), 0, 1},
		"TCP, half a message":       {frame(6, 0, tcp(prefixed[:20])), 0, 0},
		"TCP, nothing":              {frame(6, 0, tcp(nil)), 0, 0},
		"TCP, one octet":            {frame(6, 0, tcp([]byte{0})), 0, 0},
		"TCP, two messages":         {frame(6, 0, tcp(append(bytes.Clone(prefixed), prefixed...))), 0, 1},
		"a later fragment":          {frame(17, 100, udp(53, q)), 0, 0},
		"ICMP":                      {frame(1, 0, []byte{8, 0, 0, 0, 0, 0, 0, 0}), 0, 0},
		"ARP":                       {"ffffffffffff 020000000002 0806 0001080006040001", 0, 0},
		"a packet of three octets":  {"020000", 0, 0},
		"an answer to port 53":      {frame(17, 0, udp(53, question(0x8000, nil))), 0, 0},
		"UDP of no DNS":             {frame(17, 0, udp(53, []byte("hello"))), 0, 0},
		"a head longer than itself": {strings.Replace(frame(17, 0, udp(53, q)), "45", "4f", 1), 0, 0},
	} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			got, stats := collect(t, pcap(order, c.frame), Options{Port: c.port})
			if len(got) != c.n || stats.Skipped != int64(1-c.n) || stats.Broken != "" || stats.Format != FormatPcap {
				t.Errorf("%s: %q, %+v, want %d", name, got, stats, c.n)
			}
		}
	}
}

// TestCuts cuts each record anywhere: what came before counts, the number of
// questions never falls as more is there, and it is said that it breaks off.
func TestCuts(t *testing.T) {
	for _, name := range []string{"bind.dnstap", "lo.pcap"} {
		whole, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		last, broken := 0, 0
		for n := 0; n < len(whole); n += 97 {
			got, stats := collect(t, whole[:n], Options{Format: map[string]Format{"bind.dnstap": FormatDnstap, "lo.pcap": FormatPcap}[name]})
			if len(got) < last {
				t.Fatalf("%s cut at %d: %d questions, and %d of less", name, n, len(got), last)
			}
			if last = len(got); stats.Broken != "" {
				broken++
			}
		}
		if last == 0 || broken == 0 {
			t.Errorf("%s: %d questions, %d cuts are said", name, last, broken)
		}
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte("[1795257198] unbound[8188:0] query: 10.53.0.20 _ta-4f66. NULL IN\n")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for n := 2; n < packed.Len(); n++ {
		stats, err := Read(bytes.NewReader(packed.Bytes()[:n]), "f.gz", Options{Now: readOn}, func(Question) error { return nil })
		if err == nil && stats.Broken == "" {
			t.Errorf("gzip cut at %d of %d: %+v", n, packed.Len(), stats)
		}
		if err != nil && !strings.Contains(err.Error(), "f.gz") {
			t.Errorf("%v names no file", err)
		}
	}
	if got, stats := collect(t, packed.Bytes(), Options{}); len(got) != 1 || stats.Broken != "" {
		t.Errorf("whole: %q, %+v", got, stats)
	}
}

// TestYears: a date without its year is the last such day; the 29th of February
// is that of a year which has one.
func TestYears(t *testing.T) {
	line := func(date string) []byte {
		return []byte(date + " ns1 named[99]: client 192.0.2.7#53: query: _ta-4f66 IN NULL -E (192.0.2.1)\n")
	}
	for _, c := range []struct{ date, now, want string }{
		{"Jan  1 00:00:01", "2026-01-01T12:00:00Z", "2026-01-01T00:00:01Z"},
		{"Dec 31 23:59:59", "2026-01-01T12:00:00Z", "2025-12-31T23:59:59Z"},
		{"Jan  1 00:00:01", "2025-12-31T23:00:00Z", "2026-01-01T00:00:01Z"}, // a zone east of us
		{"Jan  3 00:00:01", "2025-12-31T23:00:00Z", "2025-01-03T00:00:01Z"},
		{"Feb 29 10:00:00", "2025-01-10T00:00:00Z", "2024-02-29T10:00:00Z"},
		{"Feb 29 10:00:00", "2027-05-10T00:00:00Z", "2024-02-29T10:00:00Z"},
		{"Feb 29 10:00:00", "2024-03-01T00:00:00Z", "2024-02-29T10:00:00Z"},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if _, err := Read(bytes.NewReader(line(c.date)), "f", Options{Now: now}, func(q Question) error { got = q.At.Format(time.RFC3339); return nil }); err != nil || got != c.want {
			t.Errorf("%s read on %s: %s, %v, want %s", c.date, c.now, got, err, c.want)
		}
	}
}
