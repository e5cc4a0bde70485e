package zone

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func parentTakesNotifications() judge.Check {
	return judge.Check{
		Code: "DEL-11", Name: "parent-takes-notifications", Severity: holdfast.SeverityInfo,
		Reference: "RFC 9859 sections 2 and 4",
		Summary:   "Where the parent says that it takes notifications of changes to a delegation, those can arrive.",
		Judge:     judgeNotifications,
	}
}

func judgeNotifications(c *judge.Case) []holdfast.Finding {
	if c.Parent == "" {
		return nil
	}
	var where, lost []string
	var evidence []int
	for _, r := range c.Replies(c.Parent, holdfast.PurposeDSYNC) {
		if !r.OK() || r.Exchange.Question.Type != uint16(wire.TypeDSYNC) {
			continue
		}
		for _, record := range r.Message.Answer {
			d, err := record.DSYNC()
			if err != nil || d.Scheme != wire.SchemeNotify || record.Name != r.Exchange.Question.Name {
				continue
			}
			target := fmt.Sprintf("%s at %s port %d", d.Type, d.Target, d.Port)
			if !slices.Contains(where, target) {
				where = append(where, target)
			}
			if asked, found := addressed(c, d.Target); asked && !found && !slices.Contains(lost, string(d.Target)) {
				lost = append(lost, string(d.Target))
			}
			evidence = append(evidence, r.Index)
		}
	}
	if len(where) == 0 {
		return nil
	}
	slices.Sort(where)
	f := holdfast.Finding{Severity: holdfast.SeverityInfo, Evidence: evidence,
		Text: "the parent takes notifications about " + strings.Join(where, " and ")}
	if len(lost) > 0 {
		f.Severity = holdfast.SeverityNotice
		f.Text += ", but " + join(lost) + " has no address"
	}
	return []holdfast.Finding{f}
}

// addressed says whether the addresses of a name that takes notifications were
// asked for and answered, and whether there is any.
func addressed(c *judge.Case, target holdfast.Name) (asked, found bool) {
	for i := range c.Measurement.Exchanges {
		e := &c.Measurement.Exchanges[i]
		if e.Purpose != holdfast.PurposeDSYNC || e.Question.Name != target || e.Question.Type == uint16(wire.TypeDSYNC) {
			continue
		}
		r := c.Reply(i)
		if !r.OK() || !r.Message.Authoritative {
			continue
		}
		asked = true
		for _, record := range r.Message.Answer {
			if _, err := record.Address(); err == nil {
				found = true
			}
		}
	}
	return asked, found
}
