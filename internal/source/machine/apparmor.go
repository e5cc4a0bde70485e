package machine

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// confined says whether a profile of AppArmor keeps a program from writing in
// a folder. Only the profile itself and what it includes from "local" is read:
// the shared abstractions give no resolver its state folder. known is false
// where there is no profile that is enforced.
func (t *Tree) confined(program, folder string) (denied holdfast.Setting, known bool) {
	name := strings.ReplaceAll(strings.TrimPrefix(program, "/"), "/", ".")
	file := "/etc/apparmor.d/" + name
	text, err := t.read(file)
	if err != nil || t.exists("/etc/apparmor.d/disable/"+name) || t.exists("/etc/apparmor.d/force-complain/"+name) {
		return holdfast.Setting{}, false
	}
	rules, ok := readProfile(string(text))
	if !ok {
		return holdfast.Setting{}, false
	}
	if local, err := t.read("/etc/apparmor.d/local/" + name); err == nil {
		more, _ := readProfile(string(local))
		rules = append(rules, more...)
	}
	target := folder + "/holdfast-would-be-a-new-file"
	denied = holdfast.Setting{Name: "apparmor", Value: "no rule lets " + program + " write in " + folder, Place: file}
	for _, r := range rules {
		if !r.glob.MatchString(target) || !strings.ContainsAny(r.permits, "wa") {
			continue
		}
		if r.deny {
			return holdfast.Setting{Name: "apparmor", Value: r.text, Place: fmt.Sprintf("%s:%d", file, r.line)}, true
		}
		denied = holdfast.Setting{}
	}
	return denied, true
}

type profileRule struct {
	glob    *regexp.Regexp
	permits string
	deny    bool
	text    string
	line    int
}

var profileLine = regexp.MustCompile(`^\s*(?:(audit)\s+)?(?:(deny|allow)\s+)?(?:owner\s+)?("?/[^"\s]*"?)\s+([a-zA-Z]+)\s*,`)

// readProfile reads the path rules of a profile; ok is false where it only
// complains.
func readProfile(text string) (rules []profileRule, ok bool) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		if strings.Contains(line, "flags=") && strings.Contains(line, "complain") {
			return nil, false
		}
		m := profileLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		glob, err := profileGlob(strings.Trim(m[3], `"`))
		if err != nil {
			continue // a pattern with variables of tunables: it names no state folder
		}
		rules = append(rules, profileRule{glob, m[4], m[2] == "deny", strings.TrimSpace(line), number})
	}
	return rules, true
}

// profileGlob makes a pattern of apparmor.d(5) a regular expression: "**"
// crosses slashes, "*" and "?" do not, {a,b} is a choice.
func profileGlob(pattern string) (*regexp.Regexp, error) {
	if strings.Contains(pattern, "@{") {
		return nil, path.ErrBadPattern
	}
	var b strings.Builder
	b.WriteString("^")
	depth := 0
	for n := 0; n < len(pattern); n++ {
		switch c := pattern[n]; {
		case strings.HasPrefix(pattern[n:], "**"):
			b.WriteString(".*")
			n++
		case c == '*':
			b.WriteString("[^/]*")
		case c == '?':
			b.WriteString("[^/]")
		case c == '{':
			b.WriteString("(?:")
			depth++
		case c == '}' && depth > 0:
			b.WriteString(")")
			depth--
		case c == ',' && depth > 0:
			b.WriteString("|")
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	b.WriteString("$")
	return regexp.Compile(b.String())
}
