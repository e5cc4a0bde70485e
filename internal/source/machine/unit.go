package machine

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// unitFolders are where systemd finds units; the first that has one wins
// (systemd.unit(5)).
var unitFolders = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// unit is a service of systemd with its drop-ins, as far as it decides whom a
// resolver runs as, with which configuration, and where it may write.
type unit struct {
	settings    []holdfast.Setting
	environment map[string]string
}

// unit reads the first of some units that is there.
func (s *surveyor) unit(names ...string) unit {
	u := unit{environment: map[string]string{}}
	for _, name := range names {
		for _, folder := range unitFolders {
			file := folder + "/" + name + ".service"
			if text, err := s.tree.read(file); err == nil {
				u.read(file, string(text))
				break
			}
		}
		for _, folder := range unitFolders {
			for _, file := range s.tree.glob(folder + "/" + name + ".service.d/*.conf") {
				if text, err := s.tree.read(file); err == nil {
					u.read(file, string(text))
				}
			}
		}
		if u.settings != nil {
			break
		}
	}
	for _, setting := range u.settings {
		if setting.Name == "EnvironmentFile" {
			u.surroundings(s.tree, strings.TrimPrefix(setting.Value, "-"))
		}
	}
	return u
}

// read takes the settings of a unit file, continued lines joined
// (systemd.syntax(7)).
func (u *unit) read(file, text string) {
	held, start := "", 0
	for number, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if held == "" {
			start = number + 1
		}
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		if more, ok := strings.CutSuffix(line, `\`); ok {
			held += more + " "
			continue
		}
		if name, value, ok := strings.Cut(held+line, "="); ok {
			u.settings = append(u.settings, holdfast.Setting{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value), Place: fmt.Sprintf("%s:%d", file, start)})
		}
		held = ""
	}
}

var assignment = regexp.MustCompile(`(?m)^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=["']?([^"'\n]*)["']?`)

func (u *unit) surroundings(tree *Tree, file string) {
	text, err := tree.read(file)
	if err != nil {
		return // a file with "-" before it may be absent
	}
	for _, m := range assignment.FindAllStringSubmatch(string(text), -1) {
		u.environment[m[1]] = m[2]
	}
}

// find is the last setting of a name; an empty one undoes those before it.
func (u unit) find(name string) (found holdfast.Setting, ok bool) {
	for _, s := range u.settings {
		if s.Name == name {
			found, ok = s, s.Value != ""
		}
	}
	return found, ok
}

// words are the command line that the unit starts, with its variables filled
// in from the environment files.
func (u unit) words() []string {
	start, ok := u.find("ExecStart")
	if !ok {
		return nil
	}
	var out []string
	for _, word := range strings.Fields(start.Value) {
		name := strings.Trim(strings.TrimPrefix(word, "$"), "{}")
		if strings.HasPrefix(word, "$") {
			out = append(out, strings.Fields(u.environment[name])...)
			continue
		}
		out = append(out, strings.Trim(word, `"'`))
	}
	return out
}

// option is the value behind an option of the command line: "-c FILE", "-cFILE"
// or "--config=FILE".
func (u unit) option(names ...string) (string, bool) {
	words := u.words()
	for n, word := range words {
		for _, name := range names {
			switch {
			case word == name && n+1 < len(words):
				return words[n+1], true
			case strings.HasPrefix(name, "--") && strings.HasPrefix(word, name+"="):
				return strings.TrimPrefix(word, name+"="), true
			case len(name) == 2 && strings.HasPrefix(word, name) && len(word) > 2 && word[2] != '-':
				return word[2:], true
			}
		}
	}
	return "", false
}

// denies says which settings of the unit keep it from writing to a folder
// (systemd.exec(5)): all of the file system but some places, or /usr, /boot and
// /etc, or what is named.
func (u unit) denies(folder string) []holdfast.Setting {
	for _, name := range []string{"ReadWritePaths", "StateDirectory", "CacheDirectory", "RuntimeDirectory", "LogsDirectory", "ConfigurationDirectory", "BindPaths"} {
		for _, s := range u.settings {
			if s.Name == name && covers(s, folder) {
				return nil
			}
		}
	}
	var out []holdfast.Setting
	if protect, ok := u.find("ProtectSystem"); ok && protected(protect.Value, folder) {
		out = append(out, protect)
	}
	if home, ok := u.find("ProtectHome"); ok && home.Value != "no" && home.Value != "false" && within(folder, "/home", "/root", "/run/user") {
		out = append(out, home)
	}
	for _, name := range []string{"ReadOnlyPaths", "InaccessiblePaths"} {
		if s, ok := u.find(name); ok && covers(s, folder) {
			out = append(out, s)
		}
	}
	return out
}

func protected(how, folder string) bool {
	switch how {
	case "strict":
		return !within(folder, "/dev", "/proc", "/sys")
	case "full":
		return within(folder, "/usr", "/boot", "/efi", "/etc")
	case "yes", "true", "1", "on":
		return within(folder, "/usr", "/boot", "/efi")
	}
	return false
}

// stateFolders are what the directory settings are below.
var stateFolders = map[string]string{"StateDirectory": "/var/lib", "CacheDirectory": "/var/cache", "RuntimeDirectory": "/run", "LogsDirectory": "/var/log", "ConfigurationDirectory": "/etc"}

// covers says whether a setting names a folder or one above it.
func covers(s holdfast.Setting, folder string) bool {
	for _, name := range strings.Fields(s.Value) {
		name = strings.TrimLeft(name, "-+")
		name, _, _ = strings.Cut(name, ":")
		if below := stateFolders[s.Name]; below != "" {
			name = path.Join(below, name)
		}
		if within(folder, name) {
			return true
		}
	}
	return false
}

// within says whether a path is one of some folders, or below one.
func within(name string, folders ...string) bool {
	for _, folder := range folders {
		folder = path.Clean(folder)
		if name == folder || folder == "/" || strings.HasPrefix(name, folder+"/") {
			return true
		}
	}
	return false
}
