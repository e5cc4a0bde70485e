//go:build !race

package app

const monthDays = 30
