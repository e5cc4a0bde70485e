package app

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/source/anchor"
)

// AnchorsOptions are the flags of `holdfast anchors show`, as given.
type AnchorsOptions struct {
	Files []string
	Form  string
	JSON  bool
}

// maxAnchorFile bounds what is read of a file of trust anchors, in octets.
const maxAnchorFile = 1 << 20

// anchorFile is a file of trust anchors as `anchors show --json` prints it.
type anchorFile struct {
	Name     string                `json:"file"`
	Form     anchor.Form           `json:"form"`
	Points   []holdfast.TrustPoint `json:"points"`
	Negative []holdfast.Name       `json:"negative,omitempty"`
	Files    []anchor.Reference    `json:"files,omitempty"`
}

// AnchorsShow prints the trust anchors of files of any form.
func AnchorsShow(w World, o AnchorsOptions) (Exit, error) {
	shown := []anchorFile{}
	for _, name := range o.Files {
		file, err := readAnchors(w, anchor.Form(o.Form), name)
		if err != nil {
			return Unworked, err
		}
		shown = append(shown, anchorFile{file.Name, file.Form, file.Points, file.Negative, file.Files})
	}
	if o.JSON {
		return Healthy, writeJSON(w.Stdout, map[string]any{"format": "holdfast-anchors/1", "files": shown})
	}
	for i, file := range shown {
		if i > 0 {
			fmt.Fprintln(w.Stdout)
		}
		if err := writeAnchors(w.Stdout, file, paint(w.Terminal)); err != nil {
			return Unworked, fmt.Errorf("show anchors: %w", err)
		}
	}
	return Healthy, nil
}

// readAnchors reads one file; "-" is standard input.
func readAnchors(w World, form anchor.Form, name string) (*anchor.File, error) {
	in := w.Stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("read trust anchors: %w", err)
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxAnchorFile+1))
	if err != nil {
		return nil, fmt.Errorf("read trust anchors %s: %w", name, err)
	}
	file, err := anchor.Parse(form, name, text)
	if err != nil && form == "" {
		return nil, advise(err, "Nothing was changed. Where the form was taken for another, name it with --form.")
	}
	return file, err
}

func writeAnchors(out io.Writer, file anchorFile, p paint) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", p.bold(file.Name), file.Form.About())
	for _, point := range file.Points {
		fmt.Fprintf(&b, "\n  trust point %s%s%s\n", point.Zone, viewOf(point), pointTimes(point))
		if len(point.Keys) == 0 {
			b.WriteString("  no key yet: the first is still to be validated\n")
			continue
		}
		table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "  TAG\tALGORITHM\tSTATE\tSINCE\tHOLD-DOWN ENDS\tHELD AS\tCALLED\tLINE")
		for _, key := range point.Keys {
			fmt.Fprintf(table, "  %d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", key.Tag, key.Algorithm, key.State, instantOr(key.Since), instantOr(key.Hold), heldAs(key), wordOr(key.Word), lineOf(key.Place))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	if len(file.Points) == 0 {
		b.WriteString("  no trust anchor\n")
	}
	for _, other := range file.Files {
		fmt.Fprintf(&b, "  reads %s (%s, line %s)\n", other.Path, other.Word, lineOf(other.Place))
	}
	for _, name := range file.Negative {
		fmt.Fprintf(&b, "  does not validate %s\n", name)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// pointTimes says when the keys of a trust point were asked for, as far as the
// file tells.
func pointTimes(p holdfast.TrustPoint) string {
	var said []string
	for _, t := range []struct {
		what string
		at   time.Time
	}{{"asked", p.Asked}, {"succeeded", p.Succeeded}, {"next", p.Next}} {
		if !t.at.IsZero() {
			said = append(said, t.what+" "+instant(t.at))
		}
	}
	if said == nil {
		return ""
	}
	return ": " + strings.Join(said, ", ")
}

func instantOr(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return instant(t)
}

// viewOf names BIND's view, but for the one that every server has.
func viewOf(p holdfast.TrustPoint) string {
	if p.View == "" || p.View == "_default" {
		return ""
	}
	return " in view " + p.View
}

func wordOr(word string) string {
	if word == "" {
		return "-"
	}
	return word
}

func heldAs(key holdfast.TrustedKey) string {
	switch {
	case len(key.Public) > 0:
		return "key"
	case key.DS != nil:
		return fmt.Sprintf("digest %d", key.DS.DigestType)
	}
	return "tag"
}

// lineOf is the line of FILE:LINE; a file of octets has none.
func lineOf(place string) string {
	i := strings.LastIndexByte(place, ':')
	if _, err := strconv.Atoi(place[i+1:]); i < 0 || err != nil {
		return "-"
	}
	return place[i+1:]
}
