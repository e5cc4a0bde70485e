package app

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source/anchor"
)

// AnchorsVerifyOptions are the flags of `holdfast anchors verify`, as given.
type AnchorsVerifyOptions struct {
	File, Signature, CA, Email, At string
	JSON                           bool
}

// signerMargin is how long before its certificate expires a signature is a
// worry: time enough for a package to be built anew and to reach machines.
const signerMargin = 60 * 24 * time.Hour

// anchorsVerified is what `anchors verify --json` prints.
type anchorsVerified struct {
	Format    string                `json:"format"`
	File      string                `json:"file"`
	At        time.Time             `json:"at"`
	Verified  bool                  `json:"verified"`
	Problem   string                `json:"problem,omitempty"`
	Signature *anchor.Signature     `json:"signature,omitempty"`
	Points    []holdfast.TrustPoint `json:"points"`
	// Unknown are the tags that are valid in the file and not among the anchors
	// that this program was built with, Absent the reverse.
	Unknown []uint16 `json:"unknown,omitempty"`
	Absent  []uint16 `json:"absent,omitempty"`

	exit Exit
}

// AnchorsVerify holds IANA's root-anchors.xml against its signature and says
// which keys are valid at an instant.
func AnchorsVerify(w World, o AnchorsVerifyOptions) (Exit, error) {
	at, err := parseInstant(o.At, w.Clock.Now())
	if err != nil {
		return Unworked, fmt.Errorf("--at: %w", err)
	}
	file, err := readAnchors(w, anchor.FormXML, o.File)
	if err != nil {
		return Unworked, err
	}
	report := anchorsVerified{Format: "holdfast-anchors-verified/1", File: o.File, At: at, Points: file.Points}
	if err := report.verify(file, o); err != nil {
		return Unworked, err
	}
	report.compare()
	if o.JSON {
		err = writeJSON(w.Stdout, report)
	} else {
		err = report.write(w.Stdout, paint(w.Terminal))
	}
	if err != nil {
		return Unworked, fmt.Errorf("verify anchors: %w", err)
	}
	return report.exit, nil
}

// verify looks at the signature: that of the flag, or the one that lies beside
// the file.
func (r *anchorsVerified) verify(file *anchor.File, o AnchorsVerifyOptions) error {
	name := o.Signature
	if name == "" {
		name = strings.TrimSuffix(o.File, ".xml") + ".p7s"
		if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
			r.Problem, r.exit = "there is no signature beside it: get root-anchors.p7s from IANA too, and name it with --signature", Warned
			return nil
		}
	}
	text, err := readSmall(name)
	if err != nil {
		return fmt.Errorf("verify anchors: signature: %w", err)
	}
	roots, err := trustedCAs(o.CA)
	if err != nil {
		return err
	}
	said, err := anchor.Verify(file.Text(), text, roots, o.Email, r.At)
	r.Signature = &said
	switch {
	case errors.Is(err, anchor.ErrExpired):
		r.Problem, r.exit = strings.TrimPrefix(err.Error(), "verify signature: "), Erred
	case err != nil:
		r.Problem, r.exit = strings.TrimPrefix(err.Error(), "verify signature: "), Broken
	default:
		r.Verified = true
		if said.Until.Sub(r.At) < signerMargin {
			r.Problem, r.exit = fmt.Sprintf("the signer's certificate expires %s: get the file and its signature anew from IANA soon", countdown(said.Until, r.At)), Warned
		}
	}
	return nil
}

// compare holds what is valid in the file against the program's own anchors.
func (r *anchorsVerified) compare() {
	ours := map[uint16]bool{}
	for _, record := range anchor.Embedded() {
		if ds, err := record.DS(); err == nil {
			ours[ds.KeyTag] = true
		}
	}
	for _, point := range r.Points {
		if point.Zone != holdfast.Root {
			continue
		}
		for _, key := range point.Keys {
			if !anchor.Trusts(key, r.At) {
				continue
			}
			if !ours[key.Tag] {
				r.Unknown = append(r.Unknown, key.Tag)
			}
			delete(ours, key.Tag)
		}
		for _, record := range anchor.Embedded() {
			if ds, err := record.DS(); err == nil && ours[ds.KeyTag] {
				r.Absent = append(r.Absent, ds.KeyTag)
			}
		}
	}
}

func (r *anchorsVerified) write(out io.Writer, p paint) error {
	var b strings.Builder
	if r.Verified {
		fmt.Fprintf(&b, "%s: signed by %s <%s>, under %s, on %s\n", p.bold(r.File), r.Signature.Signer, r.Signature.Email, r.Signature.CA, instantOr(r.Signature.Signed))
		fmt.Fprintf(&b, "  the signature can be verified until %s\n", countdown(r.Signature.Until, r.At))
	} else {
		fmt.Fprintf(&b, "%s: %s: do not trust these keys\n", p.bold(r.File), p.with("1;31", "NOT VERIFIED"))
	}
	if r.Problem != "" {
		fmt.Fprintf(&b, "  %s\n", r.Problem)
	}
	for _, point := range r.Points {
		fmt.Fprintf(&b, "\n  trust point %s at %s\n", point.Zone, instant(r.At))
		table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "  TAG\tID\tALGORITHM\tNOW\tVALID FROM\tUNTIL\tHELD AS")
		for _, key := range point.Keys {
			fmt.Fprintf(table, "  %d\t%s\t%d\t%s\t%s\t%s\t%s\n", key.Tag, key.Word, key.Algorithm, validNow(key, r.At), instant(key.From), instantOr(key.Until), heldAs(key))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	for _, tag := range r.Unknown {
		fmt.Fprintf(&b, "  %d is not among the anchors that this program was built with (%s)\n", tag, anchor.Taken.Format(time.DateOnly))
	}
	for _, tag := range r.Absent {
		fmt.Fprintf(&b, "  %d, which this program was built with (%s), is not valid in it\n", tag, anchor.Taken.Format(time.DateOnly))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func validNow(key holdfast.TrustedKey, at time.Time) string {
	switch {
	case at.Before(key.From):
		return "not yet"
	case !key.Until.IsZero() && !at.Before(key.Until):
		return "no more"
	}
	return "valid"
}

// trustedCAs are the authorities of a file in PEM, or ICANN's.
func trustedCAs(file string) ([]*x509.Certificate, error) {
	if file == "" {
		return anchor.CAs(), nil
	}
	text, err := readSmall(file)
	if err != nil {
		return nil, fmt.Errorf("--ca: %w", err)
	}
	roots, err := anchor.ReadCAs(text)
	if err != nil {
		return nil, fmt.Errorf("--ca %s: %w", file, err)
	}
	return roots, nil
}

// readSmall reads a file that has no reason to be large.
func readSmall(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxAnchorFile))
}
