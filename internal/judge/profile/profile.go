// Package profile holds severity profiles: data that says, code by code, how
// loud a finding is to be for those who asked for that profile. A profile
// changes what a finding weighs, never what was found; the judge applies it, so
// that the verdict, the page and the mail say the same.
package profile

import (
	"bytes"
	"embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
)

//go:embed data/*.csv
var files embed.FS

// Default is the profile under which every finding weighs what its check says.
const Default = "default"

// Rule says what a profile does to the severity of a finding.
type Rule string

const (
	Off     Rule = "off"      // the finding is not said at all
	AtMost  Rule = "at-most"  // a graver one is brought down
	AtLeast Rule = "at-least" // a milder one is raised
	Exactly Rule = "exactly"
)

// Entry is one line of a profile.
type Entry struct {
	Code     string            `json:"code"` // of a check ("ZON-01") or of a group of them ("ZON")
	Rule     Rule              `json:"rule"`
	Severity holdfast.Severity `json:"severity"` // meaningless with Off
	Reason   string            `json:"reason"`   // for people
}

// Profile is a named list of entries. The entry of a check wins over that of
// its group. The zero Profile changes nothing.
type Profile struct {
	Name    string  `json:"name"`
	Title   string  `json:"title"`
	Source  string  `json:"source"`
	Entries []Entry `json:"entries"`
}

// Names are the built-in profiles.
func Names() []string { return []string{Default, "icann-rst", "iana", "quiet"} }

// Named is a built-in profile.
func Named(name string) (Profile, error) {
	if !slices.Contains(Names(), name) {
		return Profile{}, fmt.Errorf("profile %q: want one of %s, or a file", name, strings.Join(Names(), ", "))
	}
	data, err := files.ReadFile("data/" + name + ".csv")
	if err != nil {
		return Profile{}, fmt.Errorf("profile %s: %w", name, err)
	}
	return Read(bytes.NewReader(data), name)
}

// maxProfile bounds a file: a line for each check comes to a few thousand
// octets.
const maxProfile = 1 << 20

// Read reads a profile: header lines "# Key: value" (Profile, Title, Source), a
// line of column names, then code, rule, severity and reason. what names it in
// errors.
func Read(in io.Reader, what string) (Profile, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxProfile+1))
	if err != nil {
		return Profile{}, fmt.Errorf("read profile %s: %w", what, err)
	}
	if len(data) > maxProfile {
		return Profile{}, fmt.Errorf("read profile %s: it is larger than %d octets", what, maxProfile)
	}
	p := Profile{Name: what}
	for line := range strings.Lines(string(data)) {
		header, ok := strings.CutPrefix(line, "# ")
		if !ok {
			break
		}
		key, value, _ := strings.Cut(strings.TrimSpace(header), ": ")
		switch key {
		case "Profile":
			p.Name = value
		case "Title":
			p.Title = value
		case "Source":
			p.Source = value
		}
	}
	if p.Entries, err = entries(data); err != nil {
		return Profile{}, fmt.Errorf("read profile %s: %w", what, err)
	}
	return p, nil
}

func entries(data []byte) ([]Entry, error) {
	reader := csv.NewReader(bytes.NewReader(data))
	reader.Comment = '#'
	reader.FieldsPerRecord = 4
	if head, err := reader.Read(); err != nil || strings.Join(head, ",") != "code,rule,severity,reason" {
		return nil, errors.New("the first line must be: code,rule,severity,reason")
	}
	var out []Entry
	for {
		row, err := reader.Read()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := reader.FieldPos(0)
		e, err := entry(row)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if slices.ContainsFunc(out, func(o Entry) bool { return o.Code == e.Code }) {
			return nil, fmt.Errorf("line %d: %s is there twice", line, e.Code)
		}
		out = append(out, e)
	}
}

func entry(row []string) (Entry, error) {
	e := Entry{Code: row[0], Rule: Rule(row[1]), Reason: row[3]}
	if e.Code == "" {
		return e, errors.New("the code is empty")
	}
	switch e.Rule {
	case Off:
		if row[2] != "" {
			return e, fmt.Errorf("%s: off has no severity", e.Code)
		}
		return e, nil
	case AtMost, AtLeast, Exactly:
		severity, err := holdfast.ParseSeverity(row[2])
		e.Severity = severity
		return e, err
	}
	return e, fmt.Errorf("%s: rule %q: want off, at-most, at-least or exactly", e.Code, row[1])
}

// Weigh gives a finding the severity that it has under the profile; false
// where it is not to be said. Findings about ourselves (SELF) are never off.
func (p Profile) Weigh(f holdfast.Finding) (holdfast.Finding, bool) {
	e, ok := p.entry(f.Code)
	if !ok {
		return f, true
	}
	switch e.Rule {
	case Off:
		return f, strings.HasPrefix(f.Code, "SELF-")
	case AtMost:
		f.Severity = min(f.Severity, e.Severity)
	case AtLeast:
		f.Severity = max(f.Severity, e.Severity)
	case Exactly:
		f.Severity = e.Severity
	}
	return f, true
}

func (p Profile) entry(code string) (Entry, bool) {
	group, _, _ := strings.Cut(code, "-")
	for _, wanted := range []string{code, group} {
		if i := slices.IndexFunc(p.Entries, func(e Entry) bool { return e.Code == wanted }); i >= 0 {
			return p.Entries[i], true
		}
	}
	return Entry{}, false
}

// Write writes what Read reads.
func (p Profile) Write(out io.Writer) error {
	fmt.Fprintf(out, "# Profile: %s\n# Title: %s\n# Source: %s\n", p.Name, p.Title, p.Source)
	w := csv.NewWriter(out)
	_ = w.Write([]string{"code", "rule", "severity", "reason"}) // Error says it
	for _, e := range p.Entries {
		severity := ""
		if e.Rule != Off {
			severity = e.Severity.String()
		}
		_ = w.Write([]string{e.Code, string(e.Rule), severity, e.Reason})
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("write profile %s: %w", p.Name, err)
	}
	return nil
}
