"""The figures of this project: one `*_bench` each, beside what they watch and compare with."""
