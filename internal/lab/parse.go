package lab

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// maxLine and maxLines bound a lab file, which may come from a stranger.
const (
	maxLine  = 64 << 10
	maxLines = 1 << 20
)

// parser reads the text format of docs/formats/lab.md, statement by statement.
type parser struct {
	plan  *Plan
	files fs.FS // for zone files; may be nil
	file  string
	line  int
	zone  int // index of the zone that statements speak of; -1: none yet
	begun bool
}

// Parse reads a lab from its text format (docs/formats/lab.md). file names the
// text in errors, which begin "FILE:LINE: ". files is where the statements
// "file" and "root-zone" read from; nil refuses them.
func Parse(r io.Reader, file string, files fs.FS) (Plan, error) {
	plan := Plan{}
	p := &parser{plan: &plan, files: files, file: file, zone: -1}
	return plan, p.read(r, p.statement)
}

// ParseFaults reads faults alone, one a line, with or without the word
// "fault" before it, and adds them to the plan: "+6h" counts from its start.
func ParseFaults(r io.Reader, file string, plan *Plan) error {
	p := &parser{plan: plan, file: file, zone: -1}
	return p.read(r, func(words []string) error {
		if words[0] == "fault" {
			words = words[1:]
		}
		return p.fault(words)
	})
}

func (p *parser) read(r io.Reader, statement func([]string) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if p.line++; p.line > maxLines {
			return p.fail(fmt.Errorf("more than %d lines", maxLines))
		}
		for _, text := range split(lines.Text()) {
			words := strings.Fields(text)
			if len(words) == 0 {
				continue
			}
			if words[0] == "record" { // its text is a master file's, quotes and all
				words = []string{"record", strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text), "record"))}
			}
			if err := statement(words); err != nil {
				return p.fail(err)
			}
		}
	}
	if err := lines.Err(); err != nil {
		p.line++
		return p.fail(err)
	}
	return nil
}

func (p *parser) fail(err error) error { return fmt.Errorf("%s:%d: %w", p.file, p.line, err) }

// split cuts a line into statements at semicolons, and its comment off, but
// not within quotes.
func split(line string) []string {
	var out []string
	quoted, start := false, 0
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '#' && !quoted && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return append(out, line[start:i])
		case c == ';' && !quoted:
			out, start = append(out, line[start:i]), i+1
		}
	}
	return append(out, line[min(start, len(line)):])
}

// statement carries out one statement.
func (p *parser) statement(words []string) error {
	verb, args := words[0], words[1:]
	switch verb {
	case "clock":
		return p.clock(args)
	case "seed":
		return p.seed(args)
	case "root-zone":
		return p.rootZone(args)
	case "tlds":
		return p.tlds(args)
	case "fault":
		return p.fault(args)
	case "validator":
		return p.validator(args)
	case "root":
		if err := p.open(holdfast.Root); err != nil {
			return err
		}
		return p.inline(args)
	case "zone":
		if len(args) == 0 {
			return fmt.Errorf("zone: want a name")
		}
		name, err := holdfast.ParseName(args[0])
		if err != nil {
			return fmt.Errorf("zone %w", err)
		}
		if err := p.open(name); err != nil {
			return err
		}
		return p.inline(args[1:])
	}
	if p.zone < 0 {
		return fmt.Errorf("%q: want clock, seed, validator, root-zone, tlds, root, zone or fault here", verb)
	}
	return p.zoneStatement(&p.plan.Zones[p.zone], verb, args)
}

// inline lets a zone's first statement stand on the line of its name.
func (p *parser) inline(words []string) error {
	if len(words) == 0 {
		return nil
	}
	if words[0] == "record" {
		words = []string{"record", strings.Join(words[1:], " ")}
	}
	return p.zoneStatement(&p.plan.Zones[p.zone], words[0], words[1:])
}

// open makes a zone the one that is spoken of. A builder's zone may be opened
// again, to change it; another's may not.
func (p *parser) open(name holdfast.Name) error {
	p.begun = true
	for i := range p.plan.Zones {
		if p.plan.Zones[i].Name == name {
			p.zone = i
			return nil
		}
	}
	p.plan.Zones = append(p.plan.Zones, ZonePlan{Name: name})
	p.zone = len(p.plan.Zones) - 1
	return nil
}

func (p *parser) clock(args []string) error {
	if len(p.plan.Faults) > 0 {
		return fmt.Errorf("clock: it must come before the faults that count from it")
	}
	if len(args) != 1 && !(len(args) == 3 && args[1] == "rate") {
		return fmt.Errorf("clock: want an instant, then perhaps: rate N")
	}
	at, err := parseInstant(args[0])
	if err != nil {
		return fmt.Errorf("clock: %w", err)
	}
	p.plan.Start = at
	if len(args) == 3 {
		rate, err := strconv.ParseFloat(args[2], 64)
		if err != nil || !(rate > 0 && rate <= 1e6) {
			return fmt.Errorf("clock: rate %q: want a number above 0, at most a million", args[2])
		}
		p.plan.Rate = rate
	}
	return nil
}

// validator reads "validator ADDRESS...".
func (p *parser) validator(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("validator: want an address")
	}
	for _, word := range args {
		addr, err := parseAddress(word)
		if err != nil {
			return fmt.Errorf("validator: %w", err)
		}
		p.plan.Validators = append(p.plan.Validators, addr)
	}
	return nil
}

// parseAddress reads an IP address, without a zone.
func parseAddress(word string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(word)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("%q is no address", word)
	}
	return addr.Unmap(), nil
}

func (p *parser) seed(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("seed: want one number")
	}
	n, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	p.plan.Seed = n
	return nil
}

func (p *parser) rootZone(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("root-zone: want one file")
	}
	if p.begun {
		return fmt.Errorf("root-zone: it must come before the first zone")
	}
	in, err := p.openFile(args[0])
	if err != nil {
		return fmt.Errorf("root-zone: %w", err)
	}
	defer in.Close()
	built, err := ReadRootPlan(in, args[0])
	if err != nil {
		return err
	}
	p.plan.Zones, p.begun = built.Zones, true
	return nil
}

func (p *parser) tlds(args []string) error {
	if p.begun {
		return fmt.Errorf("tlds: it must come before the first zone")
	}
	n := 0
	if len(args) > 1 {
		return fmt.Errorf("tlds: want at most one number")
	}
	if len(args) == 1 {
		var err error
		if n, err = strconv.Atoi(args[0]); err != nil || n < 1 {
			return fmt.Errorf("tlds: %q: want a number of 1 or more", args[0])
		}
	}
	p.plan.Zones, p.begun = BuiltinPlan(n).Zones, true
	return nil
}

func (p *parser) openFile(name string) (fs.File, error) {
	if p.files == nil {
		return nil, fmt.Errorf("file %s: no files can be read here", name)
	}
	return p.files.Open(path.Clean(name))
}

// parseInstant reads an instant of RFC 3339.
func parseInstant(s string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no instant of RFC 3339, as in 2026-08-01T12:00:00Z", s)
	}
	if year := at.Year(); year < 1970 || year > 2200 {
		return time.Time{}, fmt.Errorf("instant %q: want one between 1970 and 2200", s)
	}
	return at.UTC(), nil
}

// ParseDuration is time.ParseDuration with days and weeks, whole numbers of
// which come first: "14d", "1w2d", "1d12h", "-3d".
func ParseDuration(s string) (time.Duration, error) {
	rest, negative := strings.CutPrefix(s, "-")
	total := time.Duration(0)
	for _, unit := range []struct {
		mark string
		size time.Duration
	}{{"w", 7 * day}, {"d", day}} {
		digits, after, ok := strings.Cut(rest, unit.mark)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("%q is no duration, as in 14d, 90m or 1d12h", s)
		}
		total += time.Duration(n) * unit.size
		rest = after
	}
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 {
			return 0, fmt.Errorf("%q is no duration, as in 14d, 90m or 1d12h", s)
		}
		total += d
	} else if s == "" || s == "-" {
		return 0, fmt.Errorf("%q is no duration, as in 14d, 90m or 1d12h", s)
	}
	if total < 0 || total > maxDuration {
		return 0, fmt.Errorf("duration %q: want at most %s", s, maxDuration)
	}
	if negative {
		total = -total
	}
	return total, nil
}
