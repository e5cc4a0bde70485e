package server

import (
	"bytes"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func cookiesWrong() judge.Check {
	return judge.Check{
		Code: "NSB-06", Name: "cookie-wrong", Severity: holdfast.SeverityInfo,
		Reference: "RFC 7873 sections 4 and 5",
		Summary:   "Each server that takes part in DNS cookies sends the client's cookie back and one of its own of a legal length.",
		Judge:     judgeCookies,
	}
}

// Lengths of cookies in octets (RFC 7873 section 4).
const (
	clientCookie = 8
	shortCookie  = clientCookie + 8
	longCookie   = clientCookie + 32
)

func judgeCookies(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	of := 0
	for _, server := range c.Servers {
		r, ok := said(c, server, holdfast.PurposeForeign)
		if !ok {
			continue
		}
		asked, _ := wire.ReadOPT(r.Exchange.Query)
		replied, _ := wire.ReadOPT(r.Exchange.Reply)
		sent, ok := asked.Option(wire.OptionCookie)
		if !ok {
			continue
		}
		got, ok := replied.Option(wire.OptionCookie)
		if !ok {
			continue // it need not know cookies
		}
		of++
		f := holdfast.Finding{Severity: holdfast.SeverityInfo, Server: server, Evidence: []int{r.Index}}
		switch {
		case len(got) < clientCookie || !bytes.Equal(got[:clientCookie], sent):
			// Resolvers drop such a reply as forged (RFC 7873 section 5.3).
			f.Severity = holdfast.SeverityWarning
			f.Text = "sends another client cookie back than it was sent"
		case len(got) < shortCookie || len(got) > longCookie:
			f.Text = "sends a DNS cookie of its own that has not 8 to 32 octets"
		default:
			continue
		}
		out = append(out, f)
	}
	if len(out) == 0 {
		return nil
	}
	return rolled(out, of, out[0].Severity)
}
