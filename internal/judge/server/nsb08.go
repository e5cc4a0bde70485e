package server

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func versionTold() judge.Check {
	return judge.Check{
		Code: "NSB-08", Name: "version-told", Severity: holdfast.SeverityInfo,
		Reference: "RFC 4892 section 1",
		Summary:   "No server tells strangers which version it runs, least of all one with a known weakness.",
		Judge:     judgeVersion,
	}
}

func judgeVersion(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	for _, server := range c.Servers {
		r, ok := said(c, server, holdfast.PurposeVersion)
		if !ok || r.Message.Rcode != wire.NoError {
			continue
		}
		version := textOf(r.Message.Answer)
		if version == "" {
			continue
		}
		f := holdfast.Finding{Severity: holdfast.SeverityInfo, Server: server, Evidence: []int{r.Index},
			Text: fmt.Sprintf("says that its version is %q", version)}
		if weakness := weaknessOf(version); weakness != "" {
			f.Severity = holdfast.SeverityNotice
			f.Text += ", which has a known weakness (" + weakness + ") unless whoever packaged it has mended it"
		}
		out = append(out, f)
	}
	return out
}

// longestVersion bounds what of a version is repeated.
const longestVersion = 80

// textOf is the text of the first TXT record, what cannot be printed left out.
func textOf(records []wire.Record) string {
	for _, r := range records {
		if r.Type != wire.TypeTXT {
			continue
		}
		var b strings.Builder
		for data := r.Data; len(data) > 0 && b.Len() < longestVersion; {
			n := min(int(data[0]), len(data)-1)
			for _, ch := range data[1 : 1+n] {
				if ch >= ' ' && ch < 0x7f && b.Len() < longestVersion {
					b.WriteByte(ch)
				}
			}
			data = data[1+n:]
		}
		return strings.TrimSpace(b.String())
	}
	return ""
}

var numbers = regexp.MustCompile(`\b(\d+)\.(\d+)\.(\d+)\b`)

// weaknessOf names the weakness of a version that an authoritative server is
// open to from outside, empty where none is known here. So far that is
// CVE-2024-11187 of BIND, published in January 2025: versions from 9.11.0 up
// to 9.16.50, 9.18.32, 9.20.4 and 9.21.3. What calls itself by a bare number
// of that form is BIND: it does so unless told otherwise.
func weaknessOf(version string) string {
	found := numbers.FindStringSubmatchIndex(version)
	if found == nil || found[0] > 0 && !strings.Contains(strings.ToUpper(version[:found[0]]), "BIND") {
		return ""
	}
	number := func(i int) int {
		n, _ := strconv.Atoi(version[found[2*i]:found[2*i+1]]) // too long a number is no version of BIND's
		return n
	}
	if number(1) != 9 {
		return ""
	}
	last, known := map[int]int{11: 37, 16: 50, 18: 32, 20: 4, 21: 3}[number(2)]
	if !known || number(3) > last {
		return ""
	}
	return "CVE-2024-11187"
}
