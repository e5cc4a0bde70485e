package zone

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func apexMail() judge.Check {
	return judge.Check{
		Code: "ZON-08", Name: "apex-mail", Severity: holdfast.SeverityNotice,
		Reference: "SAC053, RFC 7505 section 3, RFC 7208 section 5.1",
		Summary:   "A top-level domain takes and sends no mail under its own name.",
		Judge:     judgeApexMail,
	}
}

func judgeApexMail(c *judge.Case) []holdfast.Finding {
	if !isTop(c.Zone) {
		return nil
	}
	var out []holdfast.Finding
	if takers, evidence := mailTakers(c); len(takers) > 0 {
		out = append(out, holdfast.Finding{
			Severity: holdfast.SeverityNotice, RRset: "MX", Evidence: evidence, Count: len(takers),
			Text: fmt.Sprintf("mail to addresses at the top-level domain itself is taken by %s", join(takers)),
		})
	}
	if evidence := mailSenders(c); len(evidence) > 0 {
		out = append(out, holdfast.Finding{
			Severity: holdfast.SeverityNotice, RRset: "TXT", Evidence: evidence,
			Text: `an SPF record says that mail is sent from addresses at the top-level domain itself; one that sends none says "v=spf1 -all"`,
		})
	}
	return out
}

// mailTakers are the mail hosts of the apex; a null MX (RFC 7505) is none.
func mailTakers(c *judge.Case) (names []holdfast.Name, evidence []int) {
	for _, r := range apexReplies(c, wire.TypeMX) {
		set := c.Answer(r, c.Zone, wire.TypeMX)
		if set == nil {
			continue
		}
		for _, record := range set.Records {
			if mx, err := record.MX(); err == nil && mx.Host != holdfast.Root {
				names = append(names, mx.Host)
				evidence = append(evidence, r.Index)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), slices.Compact(evidence)
}

// mailSenders are the replies with an SPF record that permits anything.
func mailSenders(c *judge.Case) (evidence []int) {
	for _, r := range apexReplies(c, wire.TypeTXT) {
		set := c.Answer(r, c.Zone, wire.TypeTXT)
		if set == nil {
			continue
		}
		if slices.ContainsFunc(set.Records, permitsMail) {
			evidence = append(evidence, r.Index)
		}
	}
	return evidence
}

func permitsMail(record wire.Record) bool {
	text, err := record.Text()
	if err != nil {
		return false
	}
	words := strings.Fields(strings.ToLower(text))
	return len(words) > 0 && words[0] == "v=spf1" && !slices.Equal(words[1:], []string{"-all"})
}
