package app

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/measure/walk"
	"github.com/holdfastdns/holdfast/internal/source/anchor"
	reports "github.com/holdfastdns/holdfast/internal/tell/report"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// CheckOptions are the flags of `holdfast check`, as given.
type CheckOptions struct {
	Zone                   string
	At                     string
	TrustAnchor, RootHints string
	NS, DS                 []string
	Only4, Only6           bool
	Save, From, Config     string
	Profile, Report        string
	JSON                   bool
}

// Check measures one zone, or takes saved evidence, judges it and prints the
// verdict. The exit is the verdict's.
func Check(ctx context.Context, w World, o CheckOptions) (Exit, error) {
	zone, err := wire.FromUnicode(o.Zone)
	if err != nil {
		return Unworked, advise(fmt.Errorf("check: %w", err), "Write the zone's name, such as se or example.org.")
	}
	// A mistake in the command line is said before anybody is asked.
	at, err := parseInstant(o.At, time.Time{})
	if err != nil {
		return Unworked, fmt.Errorf("--at: %w", err)
	}
	weights, err := reportProfile(o.Report, o.Profile)
	if err != nil {
		return Unworked, err
	}
	config, err := LoadConfig(o.Config)
	if err != nil {
		return Unworked, err
	}
	calendar, err := config.calendar()
	if err != nil {
		return Unworked, err
	}
	m, past, at, err := w.evidenceFor(ctx, zone, o, at)
	if err != nil {
		return Unworked, err
	}
	verdict, _ := under(following(NewCatalogue(w.Anchors, dnssec.NewCache(0)), calendar), weights).Follow(m, past, at)
	if err := w.writeChecked(verdict, o); err != nil {
		return Unworked, fmt.Errorf("check: %w", err)
	}
	return ExitFor(verdict), nil
}

func (w *World) writeChecked(v holdfast.Verdict, o CheckOptions) error {
	switch {
	case o.Report != "" && o.JSON:
		return writeJSON(w.Stdout, reports.IANA(v))
	case o.Report != "":
		return writeIANA(w.Stdout, v, paint(w.Terminal))
	case o.JSON:
		return writeJSON(w.Stdout, v)
	}
	return writeVerdict(w.Stdout, v, paint(w.Terminal))
}

// evidenceFor reads the saved evidence, or measures and saves where asked to.
// It answers what was known before, and the instant to judge at too: at, or where that is zero the end of
// what was saved, or now. Trust anchors are those of that instant; saved
// evidence brings its own unless others were named.
func (w *World) evidenceFor(ctx context.Context, zone holdfast.Name, o CheckOptions, at time.Time) (m holdfast.Measurement, past holdfast.Past, judgedAt time.Time, err error) {
	if o.From != "" {
		saved, anchors, err := loadEvidence(o.From)
		m, past := saved.Measurement, saved.Past
		if err != nil {
			return m, past, at, err
		}
		if m.Subject.Zone != zone {
			return m, past, at, fmt.Errorf("check: %s is evidence of %s, not of %s", o.From, m.Subject.Zone, zone)
		}
		if len(anchors) > 0 {
			w.Anchors = anchors
		}
		if at.IsZero() {
			at = m.Finished
		}
		return m, past, at, w.trust(o.TrustAnchor, "", at)
	}
	begin := at
	if begin.IsZero() {
		begin = w.Clock.Now()
	}
	if err := w.trust(o.TrustAnchor, o.RootHints, begin); err != nil {
		return m, past, at, err
	}
	m, err = w.measureOne(ctx, zone, o)
	if err == nil && o.Save != "" {
		err = saveEvidence(o.Save, m, past, w.Anchors)
	}
	if at.IsZero() {
		at = w.Clock.Now()
	}
	return m, past, at, err
}

func (w *World) measureOne(ctx context.Context, zone holdfast.Name, o CheckOptions) (holdfast.Measurement, error) {
	config, err := LoadConfig(o.Config)
	if err != nil {
		return holdfast.Measurement{}, err
	}
	config.Walk.IPv4, config.Walk.IPv6 = !o.Only6, !o.Only4
	config.Walk.Roots = w.Hints
	subject := holdfast.Subject{Zone: zone, Unicode: wire.Unicode(zone), Kind: holdfast.KindOther}
	if len(o.NS) > 0 || len(o.DS) > 0 {
		if subject.Delegation, err = byHand(zone, o.NS, o.DS); err != nil {
			return holdfast.Measurement{}, err
		}
	}
	asker, err := ask.New(config.Ask, w.Dialer, w.Clock)
	if err != nil {
		return holdfast.Measurement{}, err
	}
	defer asker.Close()
	progress := startProgress(*w, "asking the name servers of "+zone.String())
	defer progress.stop()
	sweep := walk.New(config.Walk, asker, w.Clock, w.Vantage).NewSweep("")
	m, err := sweep.Measure(ctx, subject, holdfast.Full)
	if err != nil {
		return m, fmt.Errorf("check %s: %w", zone, err)
	}
	if !anyReply(m) {
		return m, advise(fmt.Errorf("check %s: no server gave any reply, the root's included", zone),
			"This speaks of our network, not of the zone: look at this machine's connection, and whether it lets UDP and TCP port 53 out.")
	}
	return m, nil
}

// anyReply says whether anything at all came back from the network.
func anyReply(m holdfast.Measurement) bool {
	return slices.ContainsFunc(m.Exchanges, func(e holdfast.Exchange) bool {
		return e.Outcome != holdfast.Timeout && e.Outcome != holdfast.Unreachable && e.Outcome != holdfast.NotAsked
	})
}

// trust replaces the world's anchors and hints by those of files. Of dated
// anchors those are taken that are valid at the instant.
func (w *World) trust(anchors, hints string, at time.Time) error {
	if anchors != "" {
		file, err := os.Open(anchors)
		if err != nil {
			return fmt.Errorf("trust anchor: %w", err)
		}
		defer file.Close()
		if w.Anchors, err = anchor.Read(file, anchors, at); err != nil {
			return err
		}
	}
	if hints != "" {
		file, err := os.Open(hints)
		if err != nil {
			return fmt.Errorf("root hints: %w", err)
		}
		defer file.Close()
		if w.Hints, err = anchor.ReadHints(file, hints); err != nil {
			return err
		}
	}
	return nil
}

// byHand builds the delegation of a zone that its parent does not publish yet.
func byHand(zone holdfast.Name, servers, records []string) (*holdfast.Delegation, error) {
	d := &holdfast.Delegation{ByHand: true, Glue: map[holdfast.Name][]netip.Addr{}}
	for _, text := range servers {
		name, address, found := strings.Cut(text, "=")
		server, err := holdfast.ParseName(name)
		if err != nil {
			return nil, fmt.Errorf("--ns %s: %w", text, err)
		}
		if !slices.Contains(d.NS, server) {
			d.NS = append(d.NS, server)
		}
		if !found {
			continue // the walk finds its addresses
		}
		addr, err := netip.ParseAddr(address)
		if err != nil {
			return nil, fmt.Errorf("--ns %s: %w; want NAME=ADDRESS", text, err)
		}
		d.Glue[server] = append(d.Glue[server], addr.Unmap())
	}
	if len(d.NS) == 0 {
		return nil, fmt.Errorf("--ds without --ns: name the servers of %s with --ns NAME=ADDRESS", zone)
	}
	for _, text := range records {
		ds, err := parseDS(zone, text)
		if err != nil {
			return nil, fmt.Errorf("--ds %q: %w", text, err)
		}
		d.DS = append(d.DS, ds)
	}
	return d, nil
}

// parseDS reads a DS as people paste it: the data alone, or the whole record.
func parseDS(zone holdfast.Name, text string) (holdfast.DS, error) {
	fields := strings.Fields(text)
	if i := slices.IndexFunc(fields, func(f string) bool { return strings.EqualFold(f, "DS") }); i >= 0 {
		fields = fields[i+1:]
	}
	if len(fields) < 4 {
		return holdfast.DS{}, fmt.Errorf("want \"tag algorithm digest-type digest\"")
	}
	tag, err := strconv.ParseUint(fields[0], 10, 16)
	if err != nil {
		return holdfast.DS{}, fmt.Errorf("key tag: %w", err)
	}
	algorithm, err := strconv.ParseUint(fields[1], 10, 8)
	if err != nil {
		return holdfast.DS{}, fmt.Errorf("algorithm: %w", err)
	}
	digestType, err := strconv.ParseUint(fields[2], 10, 8)
	if err != nil {
		return holdfast.DS{}, fmt.Errorf("digest type: %w", err)
	}
	digest, err := hex.DecodeString(strings.Join(fields[3:], ""))
	if err != nil {
		return holdfast.DS{}, fmt.Errorf("digest: %w", err)
	}
	return holdfast.DS{KeyTag: uint16(tag), Algorithm: uint8(algorithm), DigestType: uint8(digestType), Digest: digest}, nil
}

// parseInstant reads an instant as people write it; otherwise is its value
// where the text is empty.
func parseInstant(text string, otherwise time.Time) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, time.UTC); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("instant %q: write it as 2026-08-01T12:00:00Z", text)
}
