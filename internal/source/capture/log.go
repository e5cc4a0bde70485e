package capture

import (
	"bufio"
	"errors"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// log reads lines. A line that is longer than the buffer is no question.
func (r *reader) log(in *bufio.Reader) error {
	for {
		line, err := in.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) {
			line = nil
			_, err = in.ReadSlice('\n')
		}
		if len(line) > 0 {
			if err := r.line(strings.TrimRight(string(line), "\r\n")); err != nil {
				return err
			}
		} else if err == nil {
			r.skip()
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// line reads one line: the time, then what a name server says.
func (r *reader) line(text string) error {
	at, rest, ok := r.stamp(text)
	if !ok {
		r.skip()
		return nil
	}
	q, told, ok := bindQuery(rest)
	if !ok {
		q, told, ok = unboundQuery(rest)
	}
	switch {
	case !ok, told && r.asked:
		r.skip()
		return nil
	case !told:
		r.asked = true
	}
	q.At = at
	return r.question(q)
}

// bindQuery reads what BIND says of a question, with the view or without:
//
//	client @0x7f6b 192.0.2.1#53 (_ta-4f66): query: _ta-4f66 IN NULL -E(0)DC (198.51.100.1)
//	trust-anchor-telemetry './IN' from 192.0.2.1 20326 38696
//
// told: it is of the second kind, which BIND also says of a question that the
// first has told of already.
func bindQuery(rest string) (q Question, told, ok bool) {
	if head, said, found := strings.Cut(rest, ": query: "); found {
		_, client, found := cutLast(head, "client ")
		if !found {
			return q, false, false
		}
		if strings.HasPrefix(client, "@") {
			_, client, _ = strings.Cut(client, " ")
		}
		client, _, _ = strings.Cut(client, "#")
		fields := strings.Fields(said)
		if len(fields) < 3 {
			return q, false, false
		}
		q, ok = asked(client, fields[0], fields[2], fields[1])
		return q, false, ok
	}
	_, said, found := strings.Cut(rest, "trust-anchor-telemetry '")
	if !found {
		return q, false, false
	}
	name, said, found := strings.Cut(said, "/IN' from ")
	fields := strings.Fields(said)
	if !found || len(fields) == 0 {
		return q, false, false
	}
	kind := "NULL"
	if len(fields) > 1 {
		kind = "DNSKEY" // the option comes with nothing else (RFC 8145 section 4.2)
	}
	q, ok = asked(fields[0], name, kind, "IN")
	for _, field := range fields[1:min(len(fields), 1+maxTags)] {
		tag, err := strconv.ParseUint(field, 10, 16)
		ok = ok && err == nil
		q.Tags = append(q.Tags, uint16(tag))
	}
	return q, len(q.Tags) == 0, ok
}

// unboundQuery reads what Unbound says of a question under log-queries, with
// log-tag-queryreply or without; what it says under log-replies has more words.
//
//	unbound[8188:0] info: 192.0.2.1 _ta-4f66. NULL IN
func unboundQuery(rest string) (q Question, told, ok bool) {
	_, said, found := strings.Cut(rest, "] info: ")
	if !found {
		if _, said, found = strings.Cut(rest, "] query: "); !found {
			return q, false, false
		}
	}
	fields := strings.Fields(said)
	if len(fields) != 4 {
		return q, false, false
	}
	q, ok = asked(fields[0], fields[1], fields[2], fields[3])
	return q, false, ok
}

func asked(client, name, kind, class string) (q Question, ok bool) {
	source, err := netip.ParseAddr(client)
	if err != nil || class != "IN" {
		return q, false
	}
	zone, err := holdfast.ParseName(name)
	if err != nil {
		return q, false
	}
	number, err := wire.ParseType(kind)
	if err != nil {
		return q, false
	}
	return Question{Source: source.Unmap(), Name: zone, Type: uint16(number)}, true
}

func cutLast(text, mark string) (before, after string, found bool) {
	i := strings.LastIndex(text, mark)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(mark):], true
}

// stamp reads the time with which a line begins, in the ways of BIND, Unbound,
// syslog and journald, and gives what stands behind it.
func (r *reader) stamp(text string) (at time.Time, rest string, ok bool) {
	if strings.HasPrefix(text, "[") {
		inner, rest, found := strings.Cut(text[1:], "]")
		if !found {
			return at, "", false
		}
		if seconds, err := strconv.ParseInt(inner, 10, 64); err == nil && seconds >= 0 && seconds < 1<<40 {
			return time.Unix(seconds, 0).UTC(), rest, true
		}
		at, err := time.ParseInLocation("2006-01-02 15:04:05.999", inner, r.Zone)
		return at.UTC(), rest, err == nil
	}
	first, rest, _ := strings.Cut(text, " ")
	for _, layout := range []string{"2006-01-02T15:04:05.999Z07:00", "2006-01-02T15:04:05.999Z0700", "2006-01-02T15:04:05.999"} {
		if at, err := time.ParseInLocation(layout, first, r.Zone); err == nil {
			return at.UTC(), rest, true
		}
	}
	second, rest, _ := strings.Cut(rest, " ")
	for _, layout := range []string{"02-Jan-2006 15:04:05.999", "2006-01-02 15:04:05.999"} {
		if at, err := time.ParseInLocation(layout, first+" "+second, r.Zone); err == nil {
			return at.UTC(), rest, true
		}
	}
	if len(text) > 15 {
		if at, err := time.ParseInLocation("Jan _2 15:04:05", text[:15], r.Zone); err == nil {
			return r.inYear(at), text[15:], true
		}
	}
	return at, "", false
}

// inYear gives a date that names no year the last one that has it and in which
// it is not to come; a day's grace is for clocks and zones.
func (r *reader) inYear(at time.Time) time.Time {
	latest := r.Now.Add(24 * time.Hour)
	for year := latest.Year(); ; year-- {
		dated := time.Date(year, at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), 0, r.Zone)
		if dated.Day() == at.Day() && !dated.After(latest) { // the 29th of February is not in every year
			return dated.UTC()
		}
	}
}
