package server

import (
	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

func encryptionUneven() judge.Check {
	return judge.Check{
		Code: "CON-07", Name: "encryption-uneven", Severity: holdfast.SeverityInfo,
		Reference: "RFC 9539 section 3",
		Summary:   "Either all servers of the zone take questions over TLS, or none.",
		Judge:     judgeEncryption,
	}
}

func judgeEncryption(c *judge.Case) []holdfast.Finding {
	var with, without []string
	var evidence []int
	for _, server := range c.Servers {
		r, tried := c.At(server, holdfast.PurposeTLS)
		if !tried {
			continue
		}
		switch r.Exchange.Outcome {
		case holdfast.Answered:
			with = append(with, server.String())
		case holdfast.NotAsked:
			continue
		default:
			without = append(without, server.String())
		}
		evidence = append(evidence, r.Index)
	}
	if len(with) == 0 || len(without) == 0 {
		return nil
	}
	return []holdfast.Finding{{
		Severity: holdfast.SeverityInfo, Evidence: evidence, Count: len(without),
		Text: "some servers of the zone take questions over TLS and others did not: " + and(without),
	}}
}
