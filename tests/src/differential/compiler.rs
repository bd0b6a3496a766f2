//! The compiler, on hosts that it knows, compiling what it sees first.

use cpu::{Exit, Vcpu};

/// One PE, whose programs are compiled.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub struct Compiler(Option<Box<jit::Jit>>);

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
impl Compiler {
    /// For `cpu`.
    pub fn new(mut cpu: Vcpu) -> Compiler {
        // With the instruction cache on, what is compiled is compared with memory where it was invalidated, and not
        // everywhere each time.
        cpu.sys.sctlr[1] |= cpu::sysreg::bits::sctlr::I;
        cpu.refresh();
        let options = jit::Options { hot: 1, code_size: 1 << 20, ..jit::Options::default() };
        Compiler(jit::is_supported().then(|| Box::new(jit::Jit::with(cpu, &options).expect("1 MiB can be had"))))
    }

    /// The PE.
    pub fn cpu(&mut self) -> Option<&mut Vcpu> {
        self.0.as_mut().map(|jit| &mut jit.interp.cpu)
    }

    /// Runs until the machine is wanted for more than a rest.
    pub fn run(&mut self) -> Exit {
        let jit = self.0.as_mut().expect("there is a PE to run");
        std::iter::repeat_with(|| jit.run()).find(|exit| *exit != Exit::Wfe).expect("it repeats")
    }

    /// Blocks compiled.
    pub fn blocks(&self) -> u64 {
        self.0.as_ref().map_or(0, |jit| jit.counts.blocks)
    }
}

/// One PE, whose programs are compiled: not here.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
pub struct Compiler;

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
impl Compiler {
    pub fn new(_: Vcpu) -> Compiler {
        Compiler
    }
    pub fn cpu(&mut self) -> Option<&mut Vcpu> {
        None
    }
    pub fn run(&mut self) -> Exit {
        unreachable!("there is no PE to run")
    }
    pub fn blocks(&self) -> u64 {
        0
    }
}
