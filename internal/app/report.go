package app

import (
	"fmt"
	"io"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/profile"
	reports "github.com/holdfastdns/holdfast/internal/tell/report"
)

// reportIANA is the form that `check --report` knows, and the profile that it
// is made under.
const reportIANA = "iana"

// reportProfile is the profile for a report; a profile named beside it must be
// the same.
func reportProfile(name, profileName string) (profile.Profile, error) {
	if name == "" {
		return profileOf(profileName)
	}
	if name != reportIANA {
		return profile.Profile{}, fmt.Errorf("--report %q: want %s", name, reportIANA)
	}
	if profileName != "" && profileName != reportIANA {
		return profile.Profile{}, fmt.Errorf("--report %s is made under the profile of that name, not under %s", name, profileName)
	}
	return profile.Named(reportIANA)
}

// writeIANA prints the requirements one by one, with what was found against
// each.
func writeIANA(out io.Writer, v holdfast.Verdict, p paint) error {
	r := reports.IANA(v)
	var b strings.Builder
	word := p.with("32", "meets")
	if !r.Met {
		word = p.with("1;31", "does not meet")
	}
	fmt.Fprintf(&b, "%s %s IANA's technical requirements at %s\n%s\n\n", p.bold(r.Zone.String()), word, instant(r.At), p.dim(r.Source))
	for _, q := range r.Requirements {
		fmt.Fprintf(&b, "%2d  %s  %s\n", q.Number, p.result(q.Result), q.Title)
		if q.Why != "" {
			fmt.Fprintf(&b, "    %17s  %s\n", "", p.dim(q.Why))
		}
		for _, f := range q.Findings {
			where := ""
			if f.Server != (holdfast.Server{}) {
				where = f.Server.String() + ": "
			}
			fmt.Fprintf(&b, "    %17s  %s %s%s\n", "", p.bold(f.Code), where, f.Text)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (p paint) result(r reports.Result) string {
	word := fmt.Sprintf("%-17s", r)
	switch r {
	case reports.Met:
		return p.with("32", word)
	case reports.NotMet:
		return p.with("1;31", word)
	case reports.Remarks:
		return p.with("33", word)
	}
	return p.with("2", word)
}
