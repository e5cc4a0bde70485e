package app

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
)

// LabOptions are the flags of `holdfast lab`.
type LabOptions struct {
	File, RootZone, At string
	Serve              bool
	Anchor, Hints      string // files to write
	Zone               string // print this zone and stop
	Big                int    // print a signed zone of so many delegations and stop
	BigDenial          string // its denial: nsec, nsec3 or opt-out
	JSON               bool
}

// Lab builds a lab and serves it until interrupted.
func Lab(ctx context.Context, w World, o LabOptions) (Exit, error) {
	if o.Big > 0 {
		return bigZone(ctx, w, o)
	}
	internet, err := buildLab(w, o)
	if err != nil {
		return Unworked, err
	}
	if err := writeLabFiles(internet, o); err != nil {
		return Unworked, err
	}
	if o.Zone != "" {
		return printLabZone(w, internet, o.Zone)
	}
	config := lab.ServeConfig{Everywhere: o.Serve, Ready: func(table map[netip.Addr]netip.AddrPort) {
		if o.JSON {
			_ = writeJSON(w.Stdout, served{len(internet.Zones()), internet.Clock().Now(), table}) // the lab serves all the same
			return
		}
		fmt.Fprintf(w.Stderr, "the lab answers: %d zones on %d addresses, clock at %s\n",
			len(internet.Zones()), len(internet.Addresses()), instant(internet.Clock().Now()))
		printMapping(w, table)
	}}
	err = internet.Serve(ctx, config)
	if errors.Is(err, os.ErrPermission) {
		return Unworked, advise(err, "Port 53 wants privileges: run it inside `unshare -Urn` as `holdfast lab --help` shows, or leave out --serve to use ports of loopback.")
	}
	if err != nil {
		return Unworked, err
	}
	return Healthy, nil
}

// served is what a lab says of itself with --json.
type served struct {
	Zones int       `json:"zones"`
	Clock time.Time `json:"clock"` // where it began
	// Addresses of the lab, and where each of them answers.
	Addresses map[netip.Addr]netip.AddrPort `json:"addresses"`
}

// buildLab takes a lab file, a root zone file, or the built-in list.
func buildLab(w World, o LabOptions) (*lab.Internet, error) {
	plan, err := labPlan(o)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	if plan.Start.IsZero() {
		plan.Start = w.Clock.Now()
	}
	if plan.Start, err = parseInstant(o.At, plan.Start); err != nil {
		return nil, fmt.Errorf("lab: --at: %w", err)
	}
	return lab.New(plan, nil)
}

func labPlan(o LabOptions) (lab.Plan, error) {
	switch {
	case o.File != "" && o.RootZone != "":
		return lab.Plan{}, errors.New("give a lab file or --root-zone, not both; a lab file can say `root-zone FILE` itself")
	case o.File != "":
		file, err := os.Open(o.File)
		if err != nil {
			return lab.Plan{}, err
		}
		defer file.Close()
		return lab.Parse(file, o.File, os.DirFS(filepath.Dir(o.File)))
	case o.RootZone != "":
		zone, err := readZoneFile(o.RootZone, holdfast.Root)
		if err != nil {
			return lab.Plan{}, err
		}
		return lab.RootPlan(zone.Records)
	}
	return lab.BuiltinPlan(0), nil
}

func writeLabFiles(internet *lab.Internet, o LabOptions) error {
	if o.Anchor != "" {
		anchors, err := internet.TrustAnchors()
		if err != nil {
			return fmt.Errorf("lab: %w", err)
		}
		var text strings.Builder
		for _, a := range anchors {
			fmt.Fprintln(&text, a)
		}
		if err := os.WriteFile(o.Anchor, []byte(text.String()), 0o644); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	if o.Hints != "" {
		if err := os.WriteFile(o.Hints, []byte(internet.RootHintsFile()), 0o644); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	return nil
}

func printLabZone(w World, internet *lab.Internet, name string) (Exit, error) {
	zone, err := holdfast.ParseName(name)
	if err != nil {
		return Unworked, fmt.Errorf("lab: %w", err)
	}
	records, err := internet.SignedZone(zone, internet.Clock().Now())
	if err != nil {
		return Unworked, fmt.Errorf("lab: %w", err)
	}
	for _, r := range records {
		if _, err := fmt.Fprintln(w.Stdout, r); err != nil {
			return Unworked, err
		}
	}
	return Healthy, nil
}

// printMapping says where on loopback the lab's addresses are to be found.
func printMapping(w World, table map[netip.Addr]netip.AddrPort) {
	const most = 40
	addresses := make([]netip.Addr, 0, len(table))
	for a := range table {
		addresses = append(addresses, a)
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	for i, a := range addresses {
		if i == most {
			fmt.Fprintf(w.Stderr, "  and %d more\n", len(addresses)-most)
			return
		}
		fmt.Fprintf(w.Stderr, "  %s is at %s\n", a, table[a])
	}
}
