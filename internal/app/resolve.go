package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/dnssec"
	"github.com/holdfastdns/holdfast/internal/measure/ask"
	"github.com/holdfastdns/holdfast/internal/measure/resolve"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// ResolveOptions are the flags of `holdfast resolve`, as given.
type ResolveOptions struct {
	Name, Type             string
	At                     string
	TrustAnchor, RootHints string
	Only4, Only6           bool
	EveryServer            bool
	Save, From, Config     string
	JSON                   bool
}

// Resolve walks from the root to a name, or takes saved evidence of a walk,
// validates every step and prints what a resolver would find.
func Resolve(ctx context.Context, w World, o ResolveOptions) (Exit, error) {
	q, err := questionOf(o.Name, o.Type)
	if err != nil {
		return Unworked, err
	}
	// A mistake in the command line is said before anybody is asked.
	at, err := parseInstant(o.At, time.Time{})
	if err != nil {
		return Unworked, fmt.Errorf("--at: %w", err)
	}
	m, err := w.resolution(ctx, q, o, at)
	if err != nil {
		return Unworked, err
	}
	if at.IsZero() {
		at = m.Finished
	}
	found := dnssec.NewValidator(w.Anchors, dnssec.NewCache(0)).Resolve(m, q, at)
	if o.JSON {
		err = writeJSON(w.Stdout, found)
	} else {
		err = writeResolution(w.Stdout, found, m, paint(w.Terminal))
	}
	if err != nil {
		return Unworked, fmt.Errorf("resolve: %w", err)
	}
	return exitForResolution(found, o.EveryServer), nil
}

// exitForResolution: what resolvers serve is fine, what they refuse is broken,
// and what could not be found out is no verdict. Servers that differ are a
// warning to who asked for all of them.
func exitForResolution(found dnssec.Resolution, every bool) Exit {
	switch {
	case found.Status == holdfast.Bogus:
		return Broken
	case found.Status == holdfast.Indeterminate:
		return Unworked
	case every && found.Differ > 0:
		return Warned
	}
	return Healthy
}

// questionOf reads a name in A-labels or U-labels and a type, A where none is
// given.
func questionOf(name, kind string) (holdfast.Question, error) {
	parsed, err := wire.FromUnicode(name)
	if err != nil {
		// Names such as _dmarc.example or *.example are no host names, but names.
		if parsed, err = holdfast.ParseName(name); err != nil {
			return holdfast.Question{}, advise(fmt.Errorf("resolve: %w", err), "Write the name as it stands in the DNS, such as www.example.org.")
		}
	}
	if kind == "" {
		kind = "A"
	}
	t, err := wire.ParseType(strings.ToUpper(kind))
	if err != nil {
		return holdfast.Question{}, advise(fmt.Errorf("resolve: %w", err), "Write a type such as A, AAAA, MX, DS, or a number as TYPE65.")
	}
	switch t {
	case wire.TypeRRSIG, wire.TypeOPT, wire.TypeAXFR, wire.TypeNSEC3, 251, 249, 250:
		return holdfast.Question{}, advise(fmt.Errorf("resolve: %s is not a type to resolve", t), "Signatures and NSEC3 records come with the answers that they prove: look into the evidence (--save).")
	}
	return holdfast.Question{Name: parsed, Type: uint16(t)}, nil
}

// resolution reads the saved evidence, or walks, and saves where asked to.
// Saved evidence brings its trust anchors with it unless others were named.
func (w *World) resolution(ctx context.Context, q holdfast.Question, o ResolveOptions, at time.Time) (holdfast.Measurement, error) {
	if o.From != "" {
		saved, anchors, err := loadResolution(o.From)
		if err != nil {
			return saved.Measurement, err
		}
		if saved.Question != q {
			return saved.Measurement, advise(fmt.Errorf("resolve: %s is evidence of %s %s, not of %s %s", o.From, saved.Question.Name, wire.Type(saved.Question.Type), q.Name, wire.Type(q.Type)),
				"Say `holdfast resolve %s %s --from %s`.", saved.Question.Name, wire.Type(saved.Question.Type), o.From)
		}
		if len(anchors) > 0 {
			w.Anchors = anchors
		}
		if at.IsZero() {
			at = saved.Measurement.Finished
		}
		return saved.Measurement, w.trust(o.TrustAnchor, "", at)
	}
	if at.IsZero() {
		at = w.Clock.Now()
	}
	if err := w.trust(o.TrustAnchor, o.RootHints, at); err != nil {
		return holdfast.Measurement{}, err
	}
	m, err := w.walkTo(ctx, q, o)
	if err == nil && o.Save != "" {
		err = saveResolution(o.Save, q, m, w.Anchors)
	}
	return m, err
}

func (w *World) walkTo(ctx context.Context, q holdfast.Question, o ResolveOptions) (holdfast.Measurement, error) {
	config, err := LoadConfig(o.Config)
	if err != nil {
		return holdfast.Measurement{}, err
	}
	asker, err := ask.New(config.Ask, w.Dialer, w.Clock)
	if err != nil {
		return holdfast.Measurement{}, err
	}
	defer asker.Close()
	progress := startProgress(*w, "walking from the root to "+q.Name.String())
	defer progress.stop()
	m, err := resolve.Measure(ctx, resolve.Config{
		Budget: config.Walk.Budget.Of(), EveryServer: o.EveryServer, IPv4: !o.Only6, IPv6: !o.Only4, Roots: w.Hints, Vantage: w.Vantage,
	}, asker, w.Clock, q)
	switch {
	case err != nil && errors.Is(err, ctx.Err()) && ctx.Err() != nil:
		return m, err
	case err != nil:
		return m, advise(err, "Look at --root-hints, and whether this machine has the address families that are asked for (-4, -6).")
	case !anyReply(m):
		return m, advise(fmt.Errorf("resolve %s: no server gave any reply, the root's included", q.Name),
			"This speaks of our network, not of the name: look at this machine's connection, and whether it lets UDP and TCP port 53 out.")
	}
	return m, nil
}
