//! Structures that end with an array, `kvm_reg_list` and `kvm_irq_routing`, and the entries of the latter, which are unions.

use crate::bindings::{kvm_irq_routing_entry, kvm_irq_routing_irqchip};
use std::marker::PhantomData;
use vmm_sys_util::fam::{FamStruct, FamStructWrapper};

/// The array, of which the type knows no length.
#[repr(C)]
#[derive(Debug, Default, Clone, Copy)]
#[allow(non_camel_case_types)]
pub struct __IncompleteArrayField<T>(PhantomData<T>, [T; 0]);

macro_rules! ends_with_array {
    ($(#[$doc:meta])* $name:ident: $wrapper:ident { $count:ident: $number:ty, $($field:ident: $type:ty,)* [$array:ident: $entry:ty; $max:literal] }) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Debug, Default)]
        #[allow(non_camel_case_types, missing_docs)]
        pub struct $name {
            pub $count: $number,
            $(pub $field: $type,)*
            pub $array: __IncompleteArrayField<$entry>,
        }

        impl PartialEq for $name {
            fn eq(&self, other: &$name) -> bool {
                (self.$count, $(self.$field,)*) == (other.$count, $(other.$field,)*)
            }
        }

        // SAFETY: the array begins where the structure ends, and whoever makes one has memory for as many entries as it says.
        unsafe impl FamStruct for $name {
            type Entry = $entry;

            fn len(&self) -> usize {
                self.$count as usize
            }

            unsafe fn set_len(&mut self, len: usize) {
                self.$count = len as $number;
            }

            fn max_len() -> usize {
                $max
            }

            fn as_slice(&self) -> &[$entry] {
                // SAFETY: see above.
                unsafe { std::slice::from_raw_parts((&raw const self.$array).cast(), self.len()) }
            }

            fn as_mut_slice(&mut self) -> &mut [$entry] {
                // SAFETY: see above.
                unsafe { std::slice::from_raw_parts_mut((&raw mut self.$array).cast(), self.len()) }
            }
        }

        /// With its entries.
        pub type $wrapper = FamStructWrapper<$name>;
    };
}

ends_with_array! {
    /// `KVM_GET_REG_LIST`.
    kvm_reg_list: RegList { n: u64, [reg: u64; 500] }
}

ends_with_array! {
    /// `KVM_SET_GSI_ROUTING`.
    kvm_irq_routing: KvmIrqRouting { nr: u32, flags: u32, [entries: kvm_irq_routing_entry; 4096] }
}

impl kvm_irq_routing_entry {
    /// Of a route to a pin.
    pub(crate) fn pin(&self) -> kvm_irq_routing_irqchip {
        // SAFETY: the member is two plain numbers, which whoever chose `type_` has written.
        unsafe { self.u.irqchip }
    }

    /// Of a route to a message: address, data and DeviceID.
    pub(crate) fn message(&self) -> (u64, u32, u32) {
        // SAFETY: as above, of four numbers.
        let (msi, device) = unsafe { (self.u.msi, self.u.msi.__bindgen_anon_1.devid) };
        (u64::from(msi.address_hi) << 32 | u64::from(msi.address_lo), msi.data, device)
    }
}
